// The glue as a classic script, for load.js: a module would restrict the import maps that the page may have.

import * as exports from "./bundle.js";

document.currentScript.exports = exports;
