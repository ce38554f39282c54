// Builds a tree of ui/nodes.py. Text only ever becomes a text node, and only the tags named here are made.
const TAGS = new Set(
  ("article aside blockquote button code dd details div dl dt em footer h1 h2 h3 header li mark nav ol p pre section " +
    "small span strong summary table tbody td th thead tr ul").split(" ")
)

function build(node, send) {
  if (typeof node === "string") return document.createTextNode(node)
  if (!TAGS.has(node.tag)) return document.createTextNode("")
  const element = document.createElement(node.tag)
  element.className = node.css
  if (node.label) {
    element.setAttribute("aria-label", node.label)
    element.title = node.label
  }
  if (typeof node.share === "number") element.style.setProperty("--cw-share", node.share)
  if (node.tag === "button") {
    element.type = "button"
    element.onclick = () => (HERE[node.event.do] || send)(node.event, element)
  }
  if (node.tag === "details") element.open = element.classList.contains("cw-open")
  if (node.focus) element.dataset.focus = ""
  element.append(...node.children.map((child) => build(child, send)))
  return element
}

// -- what the page does by itself -------------------------------------------------------------------------------

const HERE = { copy, fold, palette: () => document.dispatchEvent(new CustomEvent("cw-palette")) }
const COPIED_MS = 1600

async function copy(event, element) {
  const text = event.address ? location.origin + location.pathname + event.address : event.text
  const said = (await written(text)) ? "Copied" : "Could not be copied"
  if (element.dataset.said === undefined) element.dataset.said = element.textContent
  element.textContent = said
  clearTimeout(element.timer)
  element.timer = setTimeout(() => (element.textContent = element.dataset.said), COPIED_MS)
}

async function written(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const holder = document.createElement("textarea") // where the clipboard is closed to scripts, a selection is not
    holder.value = text
    document.body.append(holder)
    holder.select()
    const done = document.execCommand("copy")
    holder.remove()
    return done
  }
}

function fold(_, element) {
  element.closest(".cw-root").classList.toggle("cw-is-open")
}

// One popover is open at a time; it stays inside the line that it belongs to.
function popovers(root) {
  const all = () => [...root.querySelectorAll("details.cw-pop[open]")]
  const shut = (but) => all().forEach((one) => one !== but && (one.open = false))
  const away = (click) => shut(click.target instanceof Element ? click.target.closest("details.cw-pop") : null)
  const press = (key) => {
    if (key.key !== "Escape" || !all().length) return
    all()[0].querySelector("summary").focus()
    shut()
    key.stopImmediatePropagation()
  }
  const place = (event) => {
    if (!event.target.matches?.("details.cw-pop[open]")) return
    shut(event.target)
    const line = event.target.closest(".cw-line, .cw-root").getBoundingClientRect()
    const menu = event.target.querySelector(".cw-menu")
    const chip = event.target.getBoundingClientRect()
    menu.style.left = Math.min(0, line.right - chip.left - menu.offsetWidth) + "px"
  }
  root.addEventListener("toggle", place, true)
  document.addEventListener("click", away)
  document.addEventListener("keydown", press, true)
  return () => {
    root.removeEventListener("toggle", place, true)
    document.removeEventListener("click", away)
    document.removeEventListener("keydown", press, true)
  }
}

// -- bringing into view -----------------------------------------------------------------------------------------

// Streamlit looks at one scroll in 100 ms; closer together it does not notice that the end of a chat was left.
const SETTLE_MS = 250

// A quote comes to the upper third of its panel; a new answer is read from its question on.
function bringIntoView(root) {
  const target = root.querySelector("[data-focus]")
  const panel = target.closest(".cw-scroll")
  const scroller = panel || target.closest(".stMain")
  if (!scroller) return
  const above = panel ? panel.clientHeight / 3 : 72
  const gap = target.getBoundingClientRect().top - scroller.getBoundingClientRect().top
  if (!panel) scroller.dispatchEvent(new WheelEvent("wheel")) // ends Streamlit's own way to the end of a chat
  scroller.scrollTop += gap - above
}

// The page settles for a while, so once is not enough; a person's own move ends it.
function settle(root) {
  const timer = setInterval(() => bringIntoView(root), SETTLE_MS)
  const moves = ["wheel", "touchstart", "pointerdown", "keydown"]
  const stop = () => {
    clearInterval(timer)
    moves.forEach((move) => document.removeEventListener(move, stop))
  }
  moves.forEach((move) => document.addEventListener(move, stop, { passive: true }))
  setTimeout(stop, 10.5 * SETTLE_MS) // a first plot loads its library meanwhile
  requestAnimationFrame(() => bringIntoView(root))
}

function onEscape(root) {
  const press = (key) => {
    if (key.key !== "Escape") return
    root.querySelector(".cw-close")?.click()
    root.classList.remove("cw-is-open")
  }
  document.addEventListener("keydown", press)
  return () => document.removeEventListener("keydown", press)
}

function watched(root) {
  const ends = [onEscape(root), popovers(root)]
  return () => ends.forEach((end) => end())
}

export default function ({ data, parentElement, setTriggerValue }) {
  let root = parentElement.querySelector(":scope > .cw-root")
  if (!root) {
    root = document.createElement("div")
    root.className = "cw-root"
    parentElement.append(root)
  }
  root.send = (event) => setTriggerValue("event", event)
  const wanted = JSON.stringify(data)
  if (root.shown === wanted) return watched(root)
  root.shown = wanted
  root.replaceChildren(build(data, (event) => root.send(event)))
  if (root.querySelector("[data-focus]")) settle(root)
  return watched(root)
}
