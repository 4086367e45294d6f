// How long the page is busy with the longest walk by keys, scroll and search, milliseconds: with the act, its layout, and
// the frame that shows it, without the wait for that frame. Each is done in six rounds and the quickest counts: what is
// slow once, on a busy machine, is no pause of ours.
async () => {
  // A browser that has nothing to draw may leave a frame out: that is not waited for.
  const frame = () => new Promise((done) => {
    setTimeout(() => done(0), 1000);
    requestAnimationFrame(() => {
      const began = performance.now();
      setTimeout(() => done(performance.now() - began));
    });
  });
  const times = {};
  const timed = async (name, act) => {
    await frame();
    const began = performance.now();
    act();
    document.body.getBoundingClientRect();
    const busy = performance.now() - began;
    times[name] = Math.min(times[name] ?? Infinity, busy + await frame());
  };
  const key = (name) => document.dispatchEvent(new KeyboardEvent("keydown", {key: name, bubbles: true}));
  const scroller = document.querySelector(".scroller"), list = document.querySelector(".steps");
  const search = document.getElementById("search");
  for (let round = 0; round < 6; round++) {
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
