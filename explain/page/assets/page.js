// Gradio starts a slider's run when the pointer lets go; whoever moves it by the arrow keys lets go of a key.
document.addEventListener("keyup", event => {
  if (event.target.matches?.("input[type=range]") && /^(Arrow|Page|Home|End)/.test(event.key))
    event.target.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }))
})

// What stands below a map says what the place under the pointer counts for. Which region a place belongs to comes as a
// picture of labels (low byte red, high byte green), what is said of each as a line of text: see explain/html/regions.py.
const labelled = new Map()

function pixelsOf(source) {
  if (!labelled.has(source)) {
    labelled.clear()
    labelled.set(source, null)
    const picture = new Image()
    picture.onload = () => {
      const canvas = document.createElement("canvas")
      canvas.width = picture.width
      canvas.height = picture.height
      const context = canvas.getContext("2d", { willReadFrequently: true })
      context.drawImage(picture, 0, 0)
      labelled.set(source, context.getImageData(0, 0, picture.width, picture.height))
    }
    picture.src = source
  }
  return labelled.get(source)
}

function lineAt(image, event, map) {
  const box = image.getBoundingClientRect()
  const side = Math.min(box.width, box.height)
  const x = (event.clientX - box.left - (box.width - side) / 2) / side
  const y = (event.clientY - box.top - (box.height - side) / 2) / side
  const pixels = pixelsOf(map.labels)
  if (!pixels || x < 0 || y < 0 || x >= 1 || y >= 1) return null
  const at = 4 * (Math.floor(y * pixels.height) * pixels.width + Math.floor(x * pixels.width))
  return map.lines[pixels.data[at] + 256 * pixels.data[at + 1]]
}

document.addEventListener("pointermove", event => {
  const image = event.target.closest?.(".map-picture img")
  const data = document.querySelector(".regions-data")?.dataset.regions
  if (!image || !data) return
  const name = image.closest(".map-picture").id
  const map = JSON.parse(data)[name]
  const readout = document.querySelector(`#${name}-readout p`)
  const line = map && readout ? lineAt(image, event, map) : null
  if (line) readout.textContent = image.title = line
})

// Gradio wraps each picture in a button without a name: whoever hears the page is told the name of the picture.
new MutationObserver(() => {
  for (const button of document.querySelectorAll(".image-container > button, button:has(> .image-frame)")) {
    const label = button.closest(".block")?.querySelector("[data-testid=block-label]")?.innerText.trim()
    if (label && button.ariaLabel !== label) button.ariaLabel = label
  }
}).observe(document, { subtree: true, childList: true, characterData: true })

// A file that the server has made ready is fetched at once.
window.fetchReady = () => setTimeout(() => document.querySelector("#ready a, a#ready, #ready")?.click(), 300)
