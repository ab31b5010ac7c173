<?php
// Applause that is counted: every clap once, and only those that the broker tells of. In PHP.
//
//   export APPLAUSE_SECRET="whsec_$(openssl rand -base64 32)"
//   php -S 127.0.0.1:8000
//   WSBROKER_BACKEND__SECRET="$APPLAUSE_SECRET" wsbroker --backend http://127.0.0.1:8000/applause.php --backend-format form
//
// Whoever can reach this script could POST an event to it. So the broker signs each (Standard Webhooks), and what is
// not signed is refused. And an event may come twice: when an answer is lost on its way, the broker tries again. So
// the answers are kept by the event's id, and who asks again gets the same answer, with nothing counted twice.

/** How old or new a signature may be: whoever has listened in can send an event again for so long, and no longer. */
const TOLERANCE_SECONDS = 300;
/** How many answers are kept: more than come in that time. The broker itself tries an event again within seconds. */
const ANSWERS_KEPT = 10_000;

/** Whether the broker has signed this request. */
function is_signed(string $body): bool
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $time = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    $key = base64_decode(substr(getenv('APPLAUSE_SECRET') ?: '', strlen('whsec_')), true);
    if (!$key || !ctype_digit($time) || abs(time() - (int) $time) > TOLERANCE_SECONDS) {
        return false;
    }
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$time.$body", $key, true));
    // Several may stand there, one for each secret, while one is replaced by another.
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $signature) {
        if (hash_equals($expected, $signature)) {
            return true;
        }
    }
    return false;
}

/** The answer to the event of this id: what `$work` makes of the state, or what it was the first time. */
function once(string $id, callable $work): string
{
    // Not beside this script, where the web server would hand it out.
    $file = getenv('APPLAUSE_FILE') ?: sys_get_temp_dir() . '/wsbroker-applause.json';
    $lock = fopen("$file.lock", 'c');
    flock($lock, LOCK_EX);
    $state = is_file($file) ? json_decode(file_get_contents($file), true) : ['claps' => 0, 'answers' => []];
    if (!isset($state['answers'][$id])) {
        $state['answers'][$id] = json_encode($work($state));
        $state['answers'] = array_slice($state['answers'], -ANSWERS_KEPT, null, true);
        // The count and the answer are there together or not at all, also when the power goes.
        file_put_contents("$file.new", json_encode($state));
        rename("$file.new", $file);
    }
    return $state['answers'][$id];
}

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    http_response_code(405); // The broker looks whether somebody is here.
    exit;
}
if (!is_signed(file_get_contents('php://input'))) {
    http_response_code(401);
    exit('not signed');
}

$message = json_decode($_POST['message'] ?? 'null', true);

$answer = once($_SERVER['HTTP_WEBHOOK_ID'], function (array &$state) use ($message): array {
    switch ($message['type'] ?? '') {
        case 'session-connect':
            return [['type' => 'send', 'message' => ['type' => 'applause', 'claps' => $state['claps']]]];

        case 'client-clap':
            $state['claps'] += 1;
            // To everyone.
            $told = ['type' => 'applause', 'claps' => $state['claps']];
            return [['type' => 'send', 'match' => new stdClass(), 'message' => $told]];

        default:
            return [];
    }
});

header('Content-Type: application/json');
echo $answer;
