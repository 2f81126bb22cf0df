// The glue as a classic script, for load.js: a module would change what import maps the page may have.

import * as exports from "./bundle.js";

document.currentScript.exports = exports;
