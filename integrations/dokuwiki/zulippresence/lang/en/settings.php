<?php
$lang['gateway'] = 'The address of your zulip-presence-gateway, such as https://presence.example.com. It must allow this wiki: --allow-origin.';
$lang['zulip'] = 'Optional: the address of your Zulip, such as https://chat.example.com. Popovers then have a link to a message.';
