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
 */

namespace ZulipPresence;

defined( 'ABSPATH' ) || exit;

const SETTING = 'zulip_presence_gateway';
const PAGE    = 'zulip-presence';
const HANDLE  = 'zulip-presence';
const LABELS  = array( 'none', 'status', 'last-active' );

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
	$set = defined( 'ZULIP_PRESENCE_GATEWAY' ) ? \ZULIP_PRESENCE_GATEWAY : get_option( SETTING, '' );
	return clean_address( $set );
}

/** An address of the web; what is none becomes empty. */
function clean_address( $address ) {
	return untrailingslashit( esc_url_raw( trim( (string) $address ), array( 'https', 'http' ) ) );
}

function load_async( $tag, $handle ) {
	if ( HANDLE !== $handle || false !== strpos( $tag, ' async' ) ) {
		return $tag;
	}
	return str_replace( ' src=', ' async src=', $tag );
}

function register() {
	register_setting(
		PAGE,
		SETTING,
		array(
			'type'              => 'string',
			'default'           => '',
			'sanitize_callback' => __NAMESPACE__ . '\clean_address',
		)
	);
	add_settings_section( 'gateway', '', '__return_null', PAGE );
	add_settings_field( SETTING, 'Gateway', __NAMESPACE__ . '\draw_field', PAGE, 'gateway', array( 'label_for' => SETTING ) );
}

function add_page() {
	add_options_page( 'Zulip presence', 'Zulip presence', 'manage_options', PAGE, __NAMESPACE__ . '\draw_page' );
}

function draw_field() {
	printf(
		'<input type="url" class="regular-text" id="%1$s" name="%1$s" value="%2$s" placeholder="https://presence.example.com" %3$s>
		<p class="description">The address of your zulip-presence-gateway. It must allow the pages of this site: <code>--allow-origin %4$s</code></p>',
		esc_attr( SETTING ),
		esc_attr( gateway() ),
		defined( 'ZULIP_PRESENCE_GATEWAY' ) ? 'disabled' : '',
		esc_html( origin() )
	);
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
