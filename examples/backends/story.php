<?php
// Tells a story word by word, as a language model would, in PHP.
//
//   PHP_CLI_SERVER_WORKERS=8 php -S 127.0.0.1:8000
//   wsbroker --backend http://127.0.0.1:8000/story.php
//
// The answer is no JSON list but a line for each list of commands (`application/x-ndjson`). The broker carries out each line
// when it comes; with the head of the answer the event counts as answered, so that the client's next message, and
// everybody else's, need not wait for the end of the story. Each story has a worker of its own until it ends.

$message = json_decode($_POST['message'] ?? 'null', true);

if (($message['type'] ?? '') !== 'client-tell') {
    header('Content-Type: application/json');
    exit('[]');
}

header('Content-Type: application/x-ndjson');
while (ob_get_level() > 0) {
    ob_end_flush();
}

/** One line: a list of commands, or a single one. */
function say(array $command): void
{
    echo json_encode($command), "\n";
    flush();
}

$about = is_string($message['about'] ?? null) ? $message['about'] : 'a broker';
foreach (explode(' ', "Once there was $about that let nobody drop") as $word) {
    say(['type' => 'send', 'message' => ['type' => 'word', 'word' => $word]]);
    usleep(50_000);
}
say(['type' => 'send', 'message' => ['type' => 'end']]);
