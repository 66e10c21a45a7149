<?php
// The answers of onelane's routes of the same names, for PHP-FPM.
$path = strtok($_SERVER['REQUEST_URI'], '?');
$ms = (int) ($_GET['ms'] ?? 0);
if ($path === '/sleep') {
    usleep($ms * 1000);
} elseif ($path === '/wait') {
    $end = microtime(true) + $ms / 1000;
    while (microtime(true) < $end);
}
header('Content-Type: application/json');
echo json_encode(['ok' => true, 'pid' => getmypid()]);
