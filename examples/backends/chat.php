<?php
// A chat with rooms, in PHP.
//
//   php -S 127.0.0.1:8000
//   wsbroker --backend http://127.0.0.1:8000/chat.php
//
// The broker keeps the WebSocket connections and POSTs every event here in two fields, `message` (what happened)
// and `connection` (whom it happened to). This script answers with a list of commands and forgets everything: what
// it has to remember about a user it writes into the connection's session, which comes back with the next event.

$message = json_decode($_POST['message'] ?? 'null', true);
$me = json_decode($_POST['connection'] ?? '{}', true);

/** Everyone in a room. */
function tell(string $room, array $message): array
{
    return ['type' => 'send', 'match' => ['room' => $room], 'message' => $message];
}

switch ($message['type'] ?? '') {
    case 'session-connect':
        $name = 'guest-' . substr($me['wskey'], 0, 6);
        $commands = [
            ['type' => 'session', 'data' => ['name' => $name, 'room' => 'lobby']],
            ['type' => 'send', 'message' => ['type' => 'welcome', 'name' => $name, 'room' => 'lobby']],
        ];
        break;

    case 'client-join':
        $room = $message['room'] ?? '';
        // A room is matched by its name, and the name '*' would match every room.
        if (!is_string($room) || !preg_match('/^\w{1,40}\z/', $room)) {
            $commands = [['type' => 'send', 'message' => ['type' => 'error', 'text' => 'a room is a word']]];
            break;
        }
        $commands = [
            ['type' => 'session', 'data' => ['room' => $room]],
            tell($me['room'], ['type' => 'left', 'name' => $me['name']]),
            tell($room, ['type' => 'joined', 'name' => $me['name'], 'room' => $room]),
        ];
        break;

    case 'client-say':
        $commands = [tell($me['room'], ['type' => 'said', 'name' => $me['name'], 'text' => $message['text'] ?? ''])];
        break;

    case 'session-disconnect':
        $commands = [tell($me['room'], ['type' => 'left', 'name' => $me['name']])];
        break;

    default:
        $commands = [];
}

header('Content-Type: application/json');
echo json_encode($commands);
