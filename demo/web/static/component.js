// The one place that knows how Gradio runs a component. A component's own module knows its element
// and what it is given, so another page may use what it draws without Gradio.

// name: the element's class. start(root, {props, trigger, upload}) fills the element; what it returns
// is called at once, and whenever one of the props `watched` has changed.
export function component(name, watched, start) {
  return ({ element, props, trigger, upload, watch }) => {
    const update = start(element.querySelector(`.${name}`), { props, trigger, upload });
    if (!update) return;
    watch(watched, update);
    update();
  };
}
