/*
 * Shows live Zulip status beside every link to a user page, also in histories and recent changes.
 * Paste this into MediaWiki:Gadget-zulip-presence.js, with the address of your gateway. Who is who stands in
 * MediaWiki:Zulip-presence.json: { "Name of the user in this wiki": Zulip user ID, ... }
 */
mw.loader.using( [ 'mediawiki.util', 'mediawiki.Title' ] ).then( function () {
	var gateway = 'https://presence.example.com';
	var people = fetch(
		mw.util.getUrl( 'MediaWiki:Zulip-presence.json', { action: 'raw', ctype: 'application/json' } )
	).then( function ( response ) {
		return response.ok ? response.json() : {};
	} );

	/** The name of the user whose page a link leads to; null for other links. */
	function userOf( link ) {
		var path = mw.config.get( 'wgArticlePath' ).replace( '$1', '' ),
			text = mw.util.getParamValue( 'title', link.href ),
			has = function ( name ) {
				return mw.util.getParamValue( name, link.href ) !== null;
			},
			title;
		if ( link.origin !== location.origin || link.hash ) {
			return null;
		}
		// A form, a history, a difference or an old version. Links to a page that does not exist yet lead to a form, too.
		if ( has( 'diff' ) || has( 'oldid' ) || ( has( 'action' ) && !has( 'redlink' ) ) ) {
			return null;
		}
		if ( text === null && link.pathname.indexOf( path ) === 0 ) {
			try {
				text = decodeURIComponent( link.pathname.slice( path.length ) );
			} catch ( notEncoded ) {
				return null;
			}
		}
		title = text && mw.Title.newFromText( text );
		return title && title.getNamespaceId() === 2 ? title.getMainText() : null;
	}

	mw.hook( 'wikipage.content' ).add( function ( $content ) {
		people.then( function ( idOf ) {
			$content.find( 'a[href]' ).each( function () {
				var user = userOf( this );
				if ( user !== null && Object.prototype.hasOwnProperty.call( idOf, user ) ) {
					this.setAttribute( 'data-zulip-presence', idOf[ user ] );
					this.setAttribute( 'data-zulip-presence-name', user );
				}
			} );
		} );
	} );

	var script = document.createElement( 'script' );
	script.src = gateway + '/zulip-presence.js';
	script.async = true;
	script.setAttribute( 'data-scan', '' );
	document.head.appendChild( script );
} );
