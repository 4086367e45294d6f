// What a person does on a page, by name: `window.walk(name)` does it, and waits for the frame that shows it.
// Gives the names, in the order in which they are done.
() => {
  const key = (name) => document.dispatchEvent(new KeyboardEvent("keydown", {key: name, bubbles: true}));
  const scroller = document.querySelector(".scroller"), list = document.querySelector(".steps");
  const search = document.getElementById("search");
  const acts = {home: () => key("Home"), end: () => key("End")};
  for (let i = 0; i < 20; i++) acts[`walk ${i}`] = () => key("ArrowLeft");
  for (let i = 0; i < 20; i++) acts[`scroll ${i}`] = () => { scroller.scrollLeft = i * 400; list.scrollTop = i * 600; };
  for (const text of ["d", "de", "delete", "cases/c1", "t1", "nothing of it", ""]) {
    acts[`search ${text}`] = () => { search.value = text; search.dispatchEvent(new Event("input")); };
  }
  window.walk = (name) => new Promise((done) => {
    acts[name]();
    document.body.getBoundingClientRect();
    // A browser that has nothing to draw may leave a frame out: that is not waited for.
    setTimeout(done, 1000);
    requestAnimationFrame(() => setTimeout(done));
  });
  return Object.keys(acts);
}
