# The page in a container, or on a Docker Space: docker build -t whyfake . && docker run -p 7860:7860 whyfake
FROM python:3.12-slim

# Spaces runs containers as user 1000; nothing here needs more.
RUN useradd --create-home --uid 1000 user
WORKDIR /home/user/app

COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY . ./
# The code stays root's and can't be changed from the page, so it is compiled now.
RUN python -m compileall -q app.py explain model

USER 1000
ENV HOME=/home/user \
    PYTHONUNBUFFERED=1 \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/ready', timeout=4)"]
CMD ["python", "app.py"]
