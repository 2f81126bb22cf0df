/* Shows live Zulip status beside every element with data-zulip-presence. Paste this into MediaWiki:Common.js, with the address of your gateway. */
( function () {
	var script = document.createElement( 'script' );
	script.src = 'https://presence.example.com/zulip-presence.js';
	script.async = true;
	script.setAttribute( 'data-scan', '' );
	document.head.appendChild( script );
}() );
