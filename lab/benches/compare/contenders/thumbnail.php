<?php
// The thumbnails of examples/services/thumbnail, drawn by gd, for PHP-FPM.
if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    echo 'ready';
    exit;
}
$picture = imagecreatefromstring(file_get_contents('php://input'));
$width = imagesx($picture);
$height = imagesy($picture);
$scale = min(1, (int) $_GET['width'] / max($width, $height));
$small = imagecreatetruecolor((int) round($width * $scale), (int) round($height * $scale));
imagecopyresampled($small, $picture, 0, 0, 0, 0, imagesx($small), imagesy($small), $width, $height);
header('Content-Type: image/jpeg');
ob_start();
imagejpeg($small, null, 80);
header('Content-Length: ' . ob_get_length());
