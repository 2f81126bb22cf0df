<?php
$meta['gateway'] = array('string', '_pattern' => '#^(https?://\S+)?$#i');
$meta['zulip'] = array('string', '_pattern' => '#^(https?://\S+)?$#i');
