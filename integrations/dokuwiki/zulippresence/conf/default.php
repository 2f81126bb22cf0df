<?php
$conf['gateway'] = '';
$conf['zulip'] = '';
