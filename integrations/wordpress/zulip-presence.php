<?php
/**
 * Plugin Name: Zulip presence
 * Description: Shows your colleagues' live Zulip status: [zulip_presence user="12"]Ada Lovelace[/zulip_presence]
 * Version: 1.0.0
 * Requires at least: 5.3
 * Requires PHP: 7.4
 * License: MIT OR Apache-2.0
 *
 * One file: copy it into wp-content/plugins/. The address of the gateway is set in Settings > Zulip presence, or by
 * define( 'ZULIP_PRESENCE_GATEWAY', 'https://presence.example.com' ); in wp-config.php. The key of the bot stays in the gateway.
 * The address of your Zulip (ZULIP_PRESENCE_ZULIP) is optional: popovers then have a link to a message.
 */

namespace ZulipPresence;

defined( 'ABSPATH' ) || exit;

const GATEWAY = 'zulip_presence_gateway';
const ZULIP   = 'zulip_presence_zulip';
const PAGE    = 'zulip-presence';
const HANDLE  = 'zulip-presence';
const LABELS  = array( 'none', 'status', 'last-active', 'message' );

add_shortcode( 'zulip_presence', __NAMESPACE__ . '\badge' );
add_filter( 'script_loader_tag', __NAMESPACE__ . '\load_async', 10, 2 );
add_action( 'admin_init', __NAMESPACE__ . '\register' );
add_action( 'admin_menu', __NAMESPACE__ . '\add_page' );

/** The shortcode's HTML. Everybody who may write posts may use it, so every attribute is checked and escaped. */
function badge( $attributes, $content = '' ) {
	$attributes = (array) $attributes;
	$given      = shortcode_atts(
		array(
			'user'  => '',
			'name'  => '',
			'label' => 'none',
		),
		$attributes,
		'zulip_presence'
	);
	$content    = wp_kses_post( do_shortcode( (string) $content ) );
	if ( '' === gateway() || '' === $given['user'] ) {
		return $content;
	}
	wp_enqueue_script( HANDLE, gateway() . '/zulip-presence.js', array(), null, true );

	// Without a name, screen readers hear "Active" alone: the text is the name.
	$name = '' !== $given['name'] ? $given['name'] : wp_strip_all_tags( $content, true );
	$html = '<zulip-presence user="' . esc_attr( $given['user'] ) . '"';
	if ( '' !== $name ) {
		$html .= ' name="' . esc_attr( $name ) . '"';
	}
	if ( in_array( $given['label'], LABELS, true ) && 'none' !== $given['label'] ) {
		$html .= ' label="' . esc_attr( $given['label'] ) . '"';
	}
	// WordPress gives attributes without a value as values.
	foreach ( array( 'overlay', 'details' ) as $switch ) {
		if ( in_array( $switch, $attributes, true ) ) {
			$html .= ' ' . $switch;
		}
	}
	return $html . '>' . $content . '</zulip-presence>';
}

/** Where the gateway is, without a slash at the end; empty as long as nobody has set it. */
function gateway() {
	return address( GATEWAY );
}

/** The address that a setting holds, or the constant of its name in wp-config.php. */
function address( $setting ) {
	$constant = strtoupper( $setting );
	return clean_address( defined( $constant ) ? constant( $constant ) : get_option( $setting, '' ) );
}

/** An address of the web; what is none becomes empty. */
function clean_address( $address ) {
	return untrailingslashit( esc_url_raw( trim( (string) $address ), array( 'https', 'http' ) ) );
}

function load_async( $tag, $handle ) {
	if ( HANDLE !== $handle || false !== strpos( $tag, ' async' ) ) {
		return $tag;
	}
	$zulip     = address( ZULIP );
	$attribute = '' === $zulip ? '' : ' data-zulip="' . esc_attr( $zulip ) . '"';
	return str_replace( ' src=', ' async' . $attribute . ' src=', $tag );
}

function register() {
	add_settings_section( 'addresses', '', '__return_null', PAGE );
	add_address( GATEWAY, 'Gateway', 'https://presence.example.com', 'The address of your zulip-presence-gateway. It must allow the pages of this site: <code>--allow-origin ' . esc_html( origin() ) . '</code>' );
	add_address( ZULIP, 'Zulip', 'https://chat.example.com', 'Optional: the address of your Zulip. Popovers then have a link to a message.' );
}

function add_address( $setting, $title, $example, $description ) {
	register_setting(
		PAGE,
		$setting,
		array(
			'type'              => 'string',
			'default'           => '',
			'sanitize_callback' => __NAMESPACE__ . '\clean_address',
		)
	);
	$draw = function () use ( $setting, $example, $description ) {
		printf(
			'<input type="url" class="regular-text" id="%1$s" name="%1$s" value="%2$s" placeholder="%3$s" %4$s>
			<p class="description">%5$s</p>',
			esc_attr( $setting ),
			esc_attr( address( $setting ) ),
			esc_attr( $example ),
			defined( strtoupper( $setting ) ) ? 'disabled' : '',
			wp_kses_post( $description )
		);
	};
	add_settings_field( $setting, $title, $draw, PAGE, 'addresses', array( 'label_for' => $setting ) );
}

function add_page() {
	add_options_page( 'Zulip presence', 'Zulip presence', 'manage_options', PAGE, __NAMESPACE__ . '\draw_page' );
}

/** Of the pages that visitors see. */
function origin() {
	$parts = wp_parse_url( home_url() );
	return $parts['scheme'] . '://' . $parts['host'] . ( isset( $parts['port'] ) ? ':' . $parts['port'] : '' );
}

function draw_page() {
	echo '<div class="wrap"><h1>Zulip presence</h1><form method="post" action="options.php">';
	settings_fields( PAGE );
	do_settings_sections( PAGE );
	submit_button();
	echo '</form><p>In a page or post: <code>[zulip_presence user="12"]Ada Lovelace[/zulip_presence]</code></p></div>';
}
