// An app with Angular, with zone.js if window.Zone exists, else without.

import "@angular/compiler";
import {
  CUSTOM_ELEMENTS_SCHEMA,
  Component,
  provideZoneChangeDetection,
  provideZonelessChangeDetection,
  signal,
} from "@angular/core";
import { bootstrapApplication } from "@angular/platform-browser";

const team = JSON.parse(document.querySelector("#team-data").textContent);
/** `[user]` sets the property, `[attr.user]` the attribute. */
const isProperty = document.querySelector("#team-data").hasAttribute("data-property");
const [user, name] = isProperty ? ["[user]", "[name]"] : ["[attr.user]", "[attr.name]"];

const App = Component({
  selector: "app-root",
  schemas: [CUSTOM_ELEMENTS_SCHEMA],
  template: `
    <button (click)="reverse()">Reverse</button>
    <output>{{ changes() }}</output>
    <ul>
      @for (person of team(); track person.user) {
        <li><zulip-presence ${user}="person.user" ${name}="person.name" (presence-change)="count()">{{ person.name }}</zulip-presence></li>
      }
    </ul>`,
})(
  class {
    team = signal(team);
    changes = signal(0);
    reverse() {
      this.team.update((people) => people.toReversed());
    }
    count() {
      this.changes.update((changes) => changes + 1);
    }
  },
);

bootstrapApplication(App, {
  providers: [window.Zone ? provideZoneChangeDetection() : provideZonelessChangeDetection()],
});
