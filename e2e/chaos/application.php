<?php
// The application of the chaos run, in PHP: it writes down every event it takes, and acknowledges messages.
//
//   PHP_CLI_SERVER_WORKERS=10 JOURNAL=… MOOD=… SEED=… php -S 127.0.0.1:PORT application.php
//
// The same as application.py, which says what for.

const HUGE_BYTES = 100 * 1024 * 1024;

/** How this try of this event is answered, and a number for how slowly. */
function manner(string $key): array
{
    $mood = json_decode(file_get_contents(getenv('MOOD')), true);
    $number = crc32(getenv('SEED') . " $key");
    $permille = $number % 1000;
    foreach (['slow', 'trickled', 'huge'] as $name) {
        $permille -= $mood[$name] ?? 0;
        if ($permille < 0) {
            return [$name, $number];
        }
    }
    return ['plain', $number];
}

// The server gives whole bodies only: what was cut in the middle does not come here.
$event = json_decode(file_get_contents('php://input'), true, 512, JSON_THROW_ON_ERROR);
$message = $event['message'];
$connection = $event['connection'] ?? [];
$id = $_SERVER['HTTP_WEBHOOK_ID'];
$attempt = (int) $_SERVER['HTTP_WSBROKER_ATTEMPT'];
[$manner, $number] = manner("$id $attempt");
$record = [
    'at' => intdiv(hrtime(true), 1000), // The clock is the same for all processes.
    'by' => 'php',
    'id' => $id,
    'wskey' => $connection['wskey'] ?? null,
    'client' => (int) ($connection['client'] ?? 0),
    'kind' => $message['type'],
    'n' => $message['n'] ?? 0,
    'attempt' => $attempt,
    'manner' => $manner,
];
file_put_contents(getenv('JOURNAL'), json_encode($record) . "\n", FILE_APPEND);

$commands = [];
if ($message['type'] === 'client-say') {
    $commands = [['type' => 'send', 'message' => ['type' => 'taken', 'n' => $message['n']]]];
}
$answer = json_encode($commands);

if ($manner === 'slow') {
    usleep($number % 3000 * 1000);
}
header('Content-Type: application/json');
// A length tells the proxy and the broker an answer that was cut from a short one.
header('Content-Length: ' . ($manner === 'huge' ? HUGE_BYTES : strlen($answer)));
if ($manner === 'huge') {
    for ($sent = 0; $sent < HUGE_BYTES; $sent += 65536) {
        echo str_repeat('x', 65536);
        flush();
    }
} elseif ($manner === 'trickled') {
    foreach (str_split($answer) as $byte) {
        echo $byte;
        flush();
        usleep($number % 60 * 1000);
    }
} else {
    echo $answer;
}
