// Gradio makes the page piece by piece, and each piece moves the others: show it once nothing changes any more.
const QUIET_MS = 100, MOST_MS = 2500
let quiet = null, latest = null

function show() {
  clearTimeout(quiet)
  clearTimeout(latest)
  made.disconnect()
  document.documentElement.classList.add("made")
  measureTabs()
  for (const place of document.querySelectorAll("#running")) pinned.observe(place)
}

// The progress of a run and Cancel stay in sight when their place is not, or when the open drawer covers a small screen.
const smallScreen = matchMedia("(max-width: 768px)")
let isOpen = false, isInSight = true

function pin() {
  const isCovered = isOpen && smallScreen.matches, page = document.documentElement.classList
  page.toggle("covered", isCovered)
  page.toggle("below", isCovered || !isInSight)
}
smallScreen.addEventListener("change", pin)

const pinned = new IntersectionObserver(places => {
  isInSight = places.at(-1).isIntersecting
  pin()
})

// Gradio puts tabs without room into a menu. It may measure them before their style and font are there, which make them
// narrower, and measures again only if the room changes.
function measureTabs() {
  const rows = document.querySelectorAll(".tab-wrapper")
  for (const row of rows) row.style.paddingRight = "1px"
  setTimeout(() => { for (const row of rows) row.style.paddingRight = "" }, QUIET_MS)
}
document.fonts.addEventListener("loadingdone", measureTabs)

const made = new MutationObserver(() => {
  if (!document.querySelector("#photo input[type=file]")) return
  latest ??= setTimeout(show, MOST_MS)
  clearTimeout(quiet)
  quiet = setTimeout(show, QUIET_MS)
})
made.observe(document, { subtree: true, childList: true })
addEventListener("load", () => setTimeout(show, 10000))  // whatever happens

// Screen readers pronounce the page in its language, and Gradio's own texts, such as "Drop File Here", follow it: Gradio
// would write them in the browser's language.
let currentLanguage = null

async function followLanguage() {
  const chosen = document.querySelector("#language input:checked")?.value
  if (!chosen) return
  document.documentElement.lang = chosen
  if (chosen === currentLanguage) return
  currentLanguage = chosen
  const core = performance.getEntriesByType("resource").find(entry => /\/core-[\w-]+\.js$/.test(entry.name))
  if (core) (await import(core.name)).changeLocale?.(chosen)
}
document.addEventListener("change", event => { if (event.target.closest?.("#language")) followLanguage() })

// Gradio starts a slider's run on pointerup; send that event also when the slider is moved by keys.
document.addEventListener("keyup", event => {
  if (event.target.matches?.("input[type=range]") && /^(Arrow|Page|Home|End)/.test(event.key))
    event.target.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }))
})

// The line below a map describes the place under the pointer, or the one that a finger touched. The region of each place
// comes as a picture of labels (low byte red, high byte green), its description as a line of text: see explain/html/regions.py.
const labelled = new Map()
let pointed = null  // the latest event

function pixelsOf(source) {
  if (!labelled.has(source)) {
    if (labelled.size > 9) labelled.clear()  // more than the maps of one face
    labelled.set(source, null)
    const picture = new Image()
    picture.onload = () => {
      const canvas = document.createElement("canvas")
      canvas.width = picture.width
      canvas.height = picture.height
      const context = canvas.getContext("2d", { willReadFrequently: true })
      context.drawImage(picture, 0, 0)
      labelled.set(source, context.getImageData(0, 0, picture.width, picture.height))
      outline(outlined)  // a row or a touch may have called this before the picture was there
      if (pointed) describe(pointed)
    }
    picture.src = source
  }
  return labelled.get(source)
}

function regionAt(image, event, map) {
  const box = image.getBoundingClientRect()
  const side = Math.min(box.width, box.height)
  const x = (event.clientX - box.left - (box.width - side) / 2) / side
  const y = (event.clientY - box.top - (box.height - side) / 2) / side
  const pixels = pixelsOf(map.labels)
  if (!pixels || x < 0 || y < 0 || x >= 1 || y >= 1) return null
  const at = 4 * (Math.floor(y * pixels.height) * pixels.width + Math.floor(x * pixels.width))
  return pixels.data[at] + 256 * pixels.data[at + 1]
}

function mapOf(name) {
  const data = document.querySelector(".regions-data")?.dataset.regions
  return data ? JSON.parse(data)[name] : null
}

function describe(event) {
  pointed = event
  const image = event.target.closest?.(".map-picture img")
  const map = image && mapOf(image.closest(".map-picture").id)
  const region = map ? regionAt(image, event, map) : null
  if (region === null) return
  const name = image.closest(".map-picture").id
  const readout = document.querySelector(`#${name}-readout p`)
  if (readout) {
    readout.dataset.hint ??= readout.textContent
    readout.textContent = image.title = map.lines[region]
  }
  if (name === "lime") markRow(region)
}
for (const kind of ["pointermove", "pointerdown"]) document.addEventListener(kind, describe)
document.addEventListener("pointerout", event => { if (event.target.closest?.("#lime img")) markRow(null) })

// The text about a region of one photo must not stay below the maps of the next one.
let describing = null  // the data that the lines below the maps were read from

function forgetLines() {
  const data = document.querySelector(".regions-data")
  if (data === describing) return
  describing = data
  for (const readout of document.querySelectorAll(".readout[data-hint]")) {
    readout.textContent = readout.dataset.hint
    delete readout.dataset.hint
  }
  for (const image of document.querySelectorAll(".map-picture img[title]")) image.removeAttribute("title")
}

// The list of regions and the LIME picture point at each other.
function markRow(region) {
  for (const row of document.querySelectorAll("#ranked [data-region]"))
    row.classList.toggle("hit", Number(row.dataset.region) === region)
}

let outlined = null

function outline(region) {
  outlined = region
  document.querySelector("#lime canvas.outline")?.remove()
  const image = document.querySelector("#lime img")
  const map = region === null ? null : mapOf("lime")
  const pixels = image && map ? pixelsOf(map.labels) : null
  if (!pixels) return
  const { width, height, data } = pixels
  const canvas = document.createElement("canvas")
  Object.assign(canvas, { className: "outline", width, height })
  const context = canvas.getContext("2d")
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height
    && data[4 * (y * width + x)] + 256 * data[4 * (y * width + x) + 1] === region
  context.fillStyle = "#ffd400"
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++)
    if (inside(x, y) && !(inside(x - 2, y) && inside(x + 2, y) && inside(x, y - 2) && inside(x, y + 2))) context.fillRect(x, y, 1, 1)
  const box = image.getBoundingClientRect(), frame = image.offsetParent.getBoundingClientRect(), side = Math.min(box.width, box.height)
  Object.assign(canvas.style, { left: `${box.left - frame.left + (box.width - side) / 2}px`, top: `${box.top - frame.top + (box.height - side) / 2}px`,
    width: `${side}px`, height: `${side}px` })
  image.offsetParent.append(canvas)
}

for (const [enter, leave] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
  document.addEventListener(enter, event => {
    const row = event.target.closest?.("#ranked [data-region]")
    if (row) outline(Number(row.dataset.region))
  })
  document.addEventListener(leave, event => { if (event.target.closest?.("#ranked [data-region]")) outline(null) })
}

// A photo may be pasted anywhere on the page, except into a field.
document.addEventListener("paste", event => {
  const file = [...event.clipboardData?.files ?? []].find(each => each.type.startsWith("image/"))
  const input = document.querySelector("#photo input[type=file]")
  if (!file || !input || event.target.closest?.("input, textarea, #photo")) return
  handOver([file], input)
  input.dispatchEvent(new Event("change", { bubbles: true }))
})

// The server says what a file is, in the visitor's language; Gradio would refuse one that is not called an image in its own.
const asImage = file => file.type.startsWith("image/") ? file : new File([file], file.name, { type: "image/unknown" })

function handOver(files, input) {
  const chosen = new DataTransfer()
  for (const file of files) chosen.items.add(asImage(file))
  input.files = chosen.files
}

document.addEventListener("change", event => {
  if (event.target.matches?.("#photo input[type=file]")) handOver(event.target.files, event.target)
}, true)
document.addEventListener("drop", event => {
  const files = [...event.dataTransfer?.files ?? []], input = document.querySelector("#photo input[type=file]")
  if (!input || !event.target.closest?.("#photo") || files.every(file => file.type.startsWith("image/"))) return
  event.preventDefault()
  event.stopPropagation()
  event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true }))
  handOver(files.slice(0, 1), input)
  input.dispatchEvent(new Event("change", { bubbles: true }))
}, true)

// A camera that is missing or refused: say so, and show the place for a file again, which Gradio covers.
function showNoCamera() {
  document.querySelector("#photo .source-selection button")?.click()
  const note = document.querySelector("#no-camera") ?? document.createElement("p")
  Object.assign(note, { id: "no-camera", className: "notice error", role: "alert" })
  note.textContent = document.querySelector("[data-no-camera]")?.dataset.noCamera
  document.querySelector("#photo")?.after(note)
}

const cameras = navigator.mediaDevices
if (cameras) {
  const ask = cameras.getUserMedia.bind(cameras)
  cameras.getUserMedia = wanted => ask(wanted).catch(error => { showNoCamera(); throw error })
}
document.addEventListener("click", async event => {
  if (!event.isTrusted || !event.target.closest?.("#photo")) return
  document.querySelector("#no-camera")?.remove()
  if (!event.target.closest(".source-selection button:nth-of-type(2)")) return
  if (!(await cameras?.enumerateDevices())?.some(device => device.kind === "videoinput")) showNoCamera()
}, true)

// Go to the result once a photo, a face, a row of many photos or a moment of a clip was chosen: on a small screen it begins
// below the fold, and where it was chosen further down it would be out of sight. The tab of the result may open later.
function showResult(event, tries = 20) {
  if (!event.target.closest?.(event.type === "click" ? ".example, [data-choice]:not([data-region])" : "#photo")) return
  const isSmall = matchMedia("(max-width: 700px)").matches
  setTimeout(() => {
    const [place] = document.querySelector(isSmall ? "#running" : "#first-row")?.getClientRects() ?? []
    if (place && (isSmall || place.top < 0)) scrollBy(0, place.top)
    else if (!place && tries > 1) showResult(event, tries - 1)
  }, 300)
}
for (const kind of ["click", "change", "drop"]) document.addEventListener(kind, event => showResult(event), true)

// The link is written without the page's address, which the server does not know.
function completeLink() {
  for (const field of document.querySelectorAll(".link input")) field.value = field.parentElement.querySelector("a")?.href ?? field.value
}

// The field above the table of many photos hides the rows without its text.
function filterRows() {
  const field = document.querySelector("#many-filter input"), table = document.querySelector("#many-table .many")
  if (!field || !table) return
  let hits = 0
  for (const row of table.querySelectorAll("tbody tr")) {
    row.hidden = !row.textContent.toLowerCase().includes(field.value.trim().toLowerCase())
    hits += !row.hidden
  }
  table.querySelector(".no-match").hidden = hits > 0
}
document.addEventListener("input", event => { if (event.target.closest?.("#many-filter")) filterRows() })

// The drawer is the last part of the page: the keyboard goes there when it opens, and back when it closes.
function bringKeyboard(place, tries = 20) {
  place?.focus({ preventScroll: true })  // without effect until the place has appeared
  if (document.activeElement !== place && tries) setTimeout(() => bringKeyboard(place, tries - 1), 50)
}

new MutationObserver(() => {
  const drawer = document.querySelector("#settings-drawer"), opens = Boolean(drawer?.classList.contains("open"))
  if (opens === isOpen) return
  isOpen = opens
  pin()
  bringKeyboard(document.querySelector(opens ? "#settings-drawer .toggle-button" : "#settings-button"))
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["class"] })
document.addEventListener("keydown", event => {
  if (event.key === "Escape") event.target.closest?.("#settings-drawer.open")?.querySelector(".toggle-button").click()
})

// A run ends between two batches; show at once that Cancel was pressed.
document.addEventListener("click", event => {
  const button = event.target.closest?.("#cancel, #many-cancel, #second-cancel, #clip-cancel")
  if (!button) return
  button.ariaBusy = "true"
  setTimeout(() => { button.ariaBusy = null }, 3000)
})

new MutationObserver(() => {
  filterRows()
  forgetLines()
  completeLink()
  followLanguage()
}).observe(document, { subtree: true, childList: true, characterData: true })

// Download a file as soon as the server has made it.
window.fetchReady = () => setTimeout(() => document.querySelector("#ready a, a#ready, #ready")?.click(), 300)
