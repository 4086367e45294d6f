// How long the longest walk by keys, scroll and search takes, up to the frame after it, milliseconds.
// Each is done in three rounds and the quickest counts: what is slow once, on a busy machine, is no pause of ours.
async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const times = {};
  const timed = async (name, act) => {
    await frame();
    const began = performance.now();
    act();
    document.body.getBoundingClientRect();
    await frame();
    times[name] = Math.min(times[name] ?? Infinity, performance.now() - began);
  };
  const key = (name) => document.dispatchEvent(new KeyboardEvent("keydown", {key: name, bubbles: true}));
  const scroller = document.querySelector(".scroller"), list = document.querySelector(".steps");
  const search = document.getElementById("search");
  for (let round = 0; round < 3; round++) {
    await timed("home", () => key("Home"));
    await timed("end", () => key("End"));
    for (let i = 0; i < 20; i++) await timed(`walk ${i}`, () => key("ArrowLeft"));
    for (let i = 0; i < 20; i++) {
      await timed(`scroll ${i}`, () => { scroller.scrollLeft = i * 400; list.scrollTop = i * 600; });
    }
    for (const text of ["d", "de", "delete", "cases/c1", "t1", "nothing of it", ""]) {
      await timed(`search ${text}`, () => { search.value = text; search.dispatchEvent(new Event("input")); });
    }
  }
  return times;
}
