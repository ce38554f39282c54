// The palette of Ctrl+K or Cmd+K: a box to type in and a list to choose from. Text only ever becomes a text node.
const SHOWN = 60
const PRESS = { "open-table": ".st-key-table_choice button" }

function make(tag, css, text) {
  const element = document.createElement(tag)
  element.className = css
  if (text) element.textContent = text
  return element
}

// Every word has to stand in an item; one whose name begins with what was typed comes before others.
function fitting(items, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  const start = words.join(" ")
  const fits = items.filter((item) => words.every((word) => item.hay.includes(word)))
  if (start) fits.sort((a, b) => b.name.startsWith(start) - a.name.startsWith(start))
  return fits.slice(0, SHOWN)
}

function palette(host) {
  const shade = make("div", "cw-palette-shade")
  const box = make("div", "cw-palette")
  const input = make("input", "cw-palette-input")
  const list = make("div", "cw-palette-list")
  let items = [], found = [], at = 0, before = null

  box.setAttribute("role", "dialog")
  box.setAttribute("aria-label", "Find columns, values, sources and commands")
  input.type = "text"
  input.placeholder = "Find a column, value, source, table, saved reading or command"
  input.setAttribute("role", "combobox")
  input.setAttribute("aria-expanded", "true")
  input.setAttribute("aria-controls", "cw-palette-list")
  input.setAttribute("aria-label", "Find")
  input.autocomplete = "off"
  list.id = "cw-palette-list"
  list.setAttribute("role", "listbox")
  box.append(input, list)
  shade.append(box)
  shade.hidden = true
  host.append(shade)

  function draw() {
    found = fitting(items, input.value)
    at = Math.min(at, Math.max(0, found.length - 1))
    const rows = found.map(row)
    list.replaceChildren(...(rows.length ? rows : [make("p", "cw-palette-none", "Nothing is called that.")]))
    point()
  }

  function row(item, number) {
    const one = make("div", "cw-palette-item")
    one.id = "cw-palette-" + number
    one.setAttribute("role", "option")
    one.append(make("span", "cw-palette-kind", item.kind), make("span", "cw-palette-text", item.text))
    if (item.note) one.append(make("span", "cw-palette-note", item.note))
    one.onmousemove = () => at !== number && ((at = number), point())
    one.onclick = () => choose(number)
    return one
  }

  function point() {
    ;[...list.children].forEach((one, number) => one.setAttribute("aria-selected", String(number === at)))
    list.children[at]?.scrollIntoView({ block: "nearest" })
    input.setAttribute("aria-activedescendant", found.length ? "cw-palette-" + at : "")
  }

  function choose(number) {
    const item = found[number]
    if (!item) return
    close()
    const press = PRESS[item.event.do]
    if (press) document.querySelector(press)?.click()
    else host.cwSend(item.event)
  }

  function open() {
    before = document.activeElement
    shade.hidden = false
    input.value = ""
    at = 0
    draw()
    input.focus()
  }

  function close() {
    shade.hidden = true
    before?.focus?.()
  }

  const moves = {
    ArrowDown: () => ((at = Math.min(found.length - 1, at + 1)), point()),
    ArrowUp: () => ((at = Math.max(0, at - 1)), point()),
    Enter: () => choose(at),
    Escape: close,
    Tab: () => {},
  }
  function press(key) {
    if ((key.ctrlKey || key.metaKey) && !key.shiftKey && !key.altKey && key.key.toLowerCase() === "k") {
      key.preventDefault()
      shade.hidden ? open() : close()
    } else if (!shade.hidden) {
      key.stopImmediatePropagation() // nothing behind the palette hears what is typed into it
      if (moves[key.key]) {
        key.preventDefault()
        moves[key.key]()
      }
    }
  }

  input.oninput = () => ((at = 0), draw())
  shade.onclick = (click) => click.target === shade && close()
  window.addEventListener("keydown", press, true)
  document.addEventListener("cw-palette", open)
  return {
    take(given) {
      items = given.map((item) => ({
        ...item,
        name: item.text.toLowerCase(),
        hay: [item.kind, item.text, item.note].join(" ").toLowerCase(),
      }))
      if (!shade.hidden) draw()
    },
    end() {
      window.removeEventListener("keydown", press, true)
      document.removeEventListener("cw-palette", open)
      shade.remove()
    },
  }
}

const GONE_MS = 1000

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.closest(".stApp") || document.body // where the theme's colours hold
  host.cwSend = (event) => setTriggerValue("event", event)
  host.cwPalette ||= palette(host)
  host.cwPalette.owner = parentElement
  host.cwPalette.take(data.items)
  return () => {
    // Streamlit tidies up before every draw too; only a page that has gone takes the palette with it.
    setTimeout(() => {
      if (parentElement.isConnected || host.cwPalette?.owner !== parentElement) return
      host.cwPalette.end()
      host.cwPalette = null
    }, GONE_MS)
  }
}
