<?php
// Writes a visit into MariaDB and reads them back: the page proves that both directions work.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
try {
    $database = new mysqli("localhost", "www-data", "", "lab");
    $visitor = $_SERVER['HTTP_X_FORWARDED_FOR'] ?? $_SERVER['REMOTE_ADDR'];
    $insert = $database->prepare('INSERT INTO visits (visitor) VALUES (?)');
    $insert->execute([substr($visitor, 0, 64)]);
    $count = $database->query('SELECT COUNT(*) FROM visits')->fetch_row()[0];
} catch (mysqli_sql_exception $error) {
    http_response_code(503);
    exit("the database does not answer\n");
}
header('Content-Type: text/plain; charset=utf-8');
echo "application of the laboratory: $count visits, this one from $visitor\n";
