import { createApp } from "vue";
import Team from "./Team.vue";

export function team(root: Element) {
  createApp(Team).mount(root);
}
