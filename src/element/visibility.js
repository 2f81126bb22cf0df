/** Elements that are on screen, or so close to it that scrolling is to find them answered. */
const visible = new WeakSet();

export const isVisible = (element) => visible.has(element);

export function setVisible(element, isVisible) {
  visible[isVisible ? "add" : "delete"](element);
}
