<?php
/**
 * Puts the gateway's script into every page.
 *
 * @license MIT OR Apache-2.0
 */
class action_plugin_zulippresence extends \dokuwiki\Extension\ActionPlugin
{
    /** @inheritdoc */
    public function register(Doku_Event_Handler $controller)
    {
        $controller->register_hook('TPL_METAHEADER_OUTPUT', 'BEFORE', $this, 'addScript');
    }

    public function addScript(Doku_Event $event)
    {
        $gateway = rtrim(trim($this->getConf('gateway')), '/');
        if (!preg_match('#^https?://#i', $gateway)) return;
        $script = array('src' => "$gateway/zulip-presence.js", 'async' => 'async', '_data' => '');
        $zulip = trim($this->getConf('zulip'));
        if (preg_match('#^https?://#i', $zulip)) $script['data-zulip'] = $zulip;
        // DokuWiki escapes the attributes.
        $event->data['script'][] = $script;
    }
}
