"""What all interfaces share: queue, example cache, uploads, safe fetching and refusals."""
