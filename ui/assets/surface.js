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
  if (node.tag === "button") {
    element.type = "button"
    element.onclick = () => send(node.event)
  }
  if (node.focus) element.dataset.focus = ""
  element.append(...node.children.map((child) => build(child, send)))
  return element
}

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
  setTimeout(stop, 4.5 * SETTLE_MS)
  requestAnimationFrame(() => bringIntoView(root))
}

function onEscape(root) {
  const press = (key) => key.key === "Escape" && root.querySelector(".cw-close")?.click()
  document.addEventListener("keydown", press)
  return () => document.removeEventListener("keydown", press)
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
  if (root.shown === wanted) return onEscape(root)
  root.shown = wanted
  root.replaceChildren(build(data, (event) => root.send(event)))
  if (root.querySelector("[data-focus]")) settle(root)
  return onEscape(root)
}
