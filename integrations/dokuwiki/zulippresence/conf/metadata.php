<?php
$meta['gateway'] = array('string', '_pattern' => '#^(https?://\S+)?$#i');
