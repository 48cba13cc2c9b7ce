// Names for screen readers, in the language of the page.

// Gradio names its buttons in English. Our names come with the header; a slider is called by its label.
const ourName = {
  "Drop an image file here to upload": "drop",
  "Upload file": "upload",
  "File upload": "upload",
  "Capture from camera": "camera",
  "Paste from clipboard": "paste",
  "grant webcam access": "allow_camera",
  "select input source": "cameras",
  "capture photo": "capture",
  "Fullscreen": "fullscreen",
  "Exit fullscreen mode": "leave_fullscreen",
  "Toggle Sidebar": "drawer",
  "Reset to default value": "reset",
  "Remove this file": "remove",
  "Download": "download",
  "İndir": "download",  // where the page came in Turkish
  "Undo": "unzoom",
  "Geri Al": "unzoom",
  "undo": "unzoom",
  "Empty value": "empty",
  "More tabs": "more_tabs",
  "Gradio footer navigation": "footer",
}
const given = { "aria-label": new WeakMap(), title: new WeakMap() }

function nameControls() {
  const header = document.querySelector(".wordmark")
  for (const [attribute, known] of Object.entries(given)) for (const control of document.querySelectorAll(`[${attribute}]`)) {
    const now = control.getAttribute(attribute), last = known.get(control)
    const original = now === last?.ours ? last.original : now
    const ours = header?.getAttribute(`data-name-${ourName[original]}`) ?? original.replace(/^(number input|range slider) for /, "")
    if (ours === now) continue
    control.setAttribute(attribute, ours)
    known.set(control, { ours, original })
  }
  // The words beside these pictures say the same.
  for (const icon of document.querySelectorAll(".example img:not([alt='']), footer img:not([alt=''])")) icon.alt = ""
}

// The places for files, which Gradio names in English and describes in the language of the first moment.
function namePlaces() {
  const words = document.querySelector("[data-drop-file]")?.dataset.dropFile
  for (const place of document.querySelectorAll(".block:not(#photo) > .upload-container")) {
    const text = place.querySelector("[data-testid=upload-text]")
    const label = place.parentElement.querySelector("[data-testid=block-label]")
    if (!words || !text || !label) continue
    text.dataset.words = words
    place.ariaLabel = `${label.textContent.trim()}: ${words}`
  }
}

// Gradio has the way to the camera in English only.
function nameCamera() {
  const words = document.querySelector(".wordmark")?.dataset.nameAllow_camera
  const text = document.querySelector("#photo video ~ div button .wrap")
  if (words && text) text.closest("button").ariaLabel = text.dataset.words = words
}

// Gradio wraps each picture in a button without a name; give it the picture's name.
function namePictures() {
  // textContent: innerText would make the browser lay out the page at every change, most of all with the settings open.
  for (const button of document.querySelectorAll(".image-container > button, button:has(> .image-frame)")) {
    const label = button.closest(".block")?.querySelector("[data-testid=block-label]")?.textContent.trim()
    if (label && button.ariaLabel !== label) button.ariaLabel = label
  }
}

new MutationObserver(() => {
  namePlaces()
  nameCamera()
  namePictures()
  nameControls()
}).observe(document, { subtree: true, childList: true, characterData: true })
