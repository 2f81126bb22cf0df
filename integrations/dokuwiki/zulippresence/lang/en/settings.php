<?php
$lang['gateway'] = 'The address of your zulip-presence-gateway, such as https://presence.example.com. It must allow this wiki: --allow-origin.';
