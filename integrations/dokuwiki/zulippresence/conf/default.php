<?php
$conf['gateway'] = '';
