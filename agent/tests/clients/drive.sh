# Drives the shell client: SCENARIO SOCKET. Fails at the first thing that is not so.
set -eu
. "$CLIENTS/shell/steward.sh"
scenario=$1
export STEWARD_SOCKET="$2"
is() { [ "$1" = "$2" ] || { echo "\`$1\` is not \`$2\`" >&2; exit 1; }; }
of() { steward_get "$answer" "$1" || :; }
fails() { want=$1; shift; got=0; "$@" || got=$?; is "$got" "$want"; }

case $scenario in
    everyday)
        is "$(of_ping=$(steward_request ping); steward_get "$of_ping" message)" pong
        text="naïve \"quoted\" \\ 😀 ‘x’	tab
second line
"
        answer=$(steward_request remember "$text")
        is "$(of status)/$(of message)" 'confirm/user confirmation required'
        is "$(of id)" "$$"
        id=$(of confirmation_id)
        fails 3 steward_status "$answer"
        answer=$(steward_confirm "$id")
        is "$(of status)/$(of action)" ok/remember
        steward_status "$answer"
        answer=$(steward_request read_context)
        is "$(of data.notes.0.text)" 'naïve "quoted" \ 😀 ‘x’\ttab\nsecond line\n'
        answer=$(steward_confirm "$id")
        is "$(of code)" confirmation_used
        answer=$(steward_request remember no)
        id=$(of confirmation_id)
        answer=$(steward_reject "$id" 'not "now"')
        is "$(of status)" ok
        answer=$(steward_result "$id" 60)
        is "$(of data.state)/$(of data.note)" 'denied/not "now"'
        answer=$(steward_request remember 'never mind')
        answer=$(steward_cancel "$(of confirmation_id)")
        is "$(of data.state)" cancelled
        answer=$(steward_request set_volume 101)
        is "$(of code)/$(of message)" 'invalid_payload/invalid volume percentage'
        fails 2 steward_status "$answer"
        answer=$(steward_request get_capabilities)
        is "$(of capabilities.actions.4)" ping
        is "$(of nothing)$(of confirmation_id)" ''
        fails 2 steward_request remember "$(printf '%0262144d' 0)"
        fails 2 sh "$CLIENTS/shell/steward.sh" package_instal vim
        is "$(sh "$CLIENTS/shell/steward.sh" ping)" pong
        ;;
    nobody) fails 5 steward_request ping; fails 5 steward_events ;;
    dies) fails 7 steward_request ping ;;
    late) STEWARD_TIMEOUT=1; fails 8 steward_request ping ;;
    long) answer=$(steward_request ping); is "$(of message | wc -c)" 1200001 ;;
    events) echo connected; steward_events ;;
    dropped) fails 8 steward_events ;;
    *) exit 1 ;;
esac
