<?php
/**
 * {{zulip>12|Ada Lovelace}}, {{zulip>ada@example.com?label=status&details|Ada Lovelace}}
 *
 * @license MIT OR Apache-2.0
 */
class syntax_plugin_zulippresence extends \dokuwiki\Extension\SyntaxPlugin
{
    const LABELS = array('status', 'last-active', 'message');
    const SWITCHES = array('details');

    /** @inheritdoc */
    public function getType()
    {
        return 'substition';
    }

    /** Before DokuWiki's own media files (320). @inheritdoc */
    public function getSort()
    {
        return 315;
    }

    /** @inheritdoc */
    public function connectTo($mode)
    {
        $this->Lexer->addSpecialPattern('\{\{zulip>[^}\n]+\}\}', $mode, 'plugin_zulippresence');
    }

    /** @inheritdoc */
    public function handle($match, $state, $pos, Doku_Handler $handler)
    {
        list($whom, $text) = array_pad(explode('|', substr($match, strlen('{{zulip>'), -2), 2), 2, '');
        list($user, $options) = array_pad(explode('?', $whom, 2), 2, '');
        parse_str($options, $options);
        $label = $options['label'] ?? '';
        return array(
            'user' => trim($user),
            'text' => trim($text),
            'label' => in_array($label, self::LABELS, true) ? $label : '',
            'switches' => array_values(array_intersect(self::SWITCHES, array_keys($options))),
        );
    }

    /** @inheritdoc */
    public function render($format, Doku_Renderer $renderer, $data)
    {
        $shown = $data['text'] === '' ? $data['user'] : $data['text'];
        if ($format !== 'xhtml') {
            $renderer->cdata($shown);
            return true;
        }
        $attributes = array('user' => $data['user'], 'name' => $shown);
        if ($data['label'] !== '') $attributes['label'] = $data['label'];
        foreach ($data['switches'] as $switch) $attributes[$switch] = '';
        $renderer->doc .= '<zulip-presence ' . buildAttributes($attributes) . '>' . hsc($shown) . '</zulip-presence>';
        return true;
    }
}
