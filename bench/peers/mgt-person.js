import { registerMgtPersonComponent } from "@microsoft/mgt-components/dist/es6/components/mgt-person/mgt-person.js";

registerMgtPersonComponent();
