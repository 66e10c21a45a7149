# Clients in a pod of the cluster, each of which asks again and again and never tries a request twice: where
# others would hide a lost request, these tell. (curl tries again, unasked, when a kept connection turns out to
# be closed.) They need nothing but bash, which the image of nginx has.
#
#   bash -c "$(cat client.bash)" client ADDRESS PORT CLIENT…
#
# CLIENT is a list of words: METHOD PATH MS CONNECTION KEY PAUSE COUNT
#   CONNECTION  fresh: one for each request; kept: one for all, as long as the server keeps it
#   KEY         key: with an Idempotency-Key; -: without
#   PAUSE       seconds between an answer and the next request
#   COUNT       how many requests; 0: until /tmp/stop is there
#
# Each request is a line: BEGAN SECONDS ID METHOD KEY CONNECTION STATUS REASON LANE
#   STATUS      000: there was no answer
#   REASON      that of the answer (RFC 9457); for 000: refused, reset, closed, cut or silent
# The last line is "done".

# A connection that has been closed is an outcome, not the end of a client.
trap '' PIPE
# Bytes, and a point in $EPOCHREALTIME.
export LC_ALL=C

address=$1 port=$2
shift 2

# Longer than anything nginx lets a request take: 45 s, and as much again on another lane.
patience=100

hang_up() {
  [[ -z $socket ]] || exec {socket}>&-
  socket=
}

# Leaves status, reason and lane.
exchange() {
  local id=$1 head body line name value length=0 keep=yes
  status=000 reason=- lane=-
  # The server may close a connection while there is no request on it.
  [[ -z $socket ]] || ! read -rt 0 -u "$socket" || hang_up
  if [[ -z $socket ]] && ! { exec {socket}<>"/dev/tcp/$address/$port"; } 2>/dev/null; then
    socket='' reason=refused
    return
  fi
  head="$method $target HTTP/1.1"$'\r\n'"Host: nginx.primes"$'\r\n'"X-Request-Id: $id"$'\r\n'
  [[ $key == - ]] || head+="Idempotency-Key: $id"$'\r\n'
  [[ $connection == kept ]] || head+="Connection: close"$'\r\n'
  [[ -z $sent ]] || head+="Content-Type: application/json"$'\r\n'"Content-Length: ${#sent}"$'\r\n'
  if ! { printf '%s\r\n%s' "$head" "$sent" >&"$socket"; } 2>/dev/null; then
    reason=reset
  elif ! read -rt "$patience" -u "$socket" _ line _; then
    # More than 128: it took too long.
    (($? > 128)) && reason=silent || reason=closed
  else
    reason='cut'
    while read -rt "$patience" -u "$socket" name value && name=${name%$'\r'} value=${value%$'\r'} && [[ -n $name ]]; do
      case ${name,,} in
        content-length:) length=$value ;;
        connection:) [[ ${value,,} != close ]] || keep= ;;
        x-served-by:) lane=${value%%/*} ;;
      esac
    done
    if [[ -z $name ]] && { ((length == 0)) || read -rt "$patience" -N "$length" -u "$socket" body; }; then
      status=$line reason=-
      [[ ! $body =~ '"reason":"'([a-z_]+) ]] || reason=${BASH_REMATCH[1]}
    fi
  fi
  [[ $connection == kept && $keep && $status != 000 ]] || hang_up
}

client() {
  local number=$1 method=$2 path=$3 ms=$4 connection=$5 key=$6 pause=$7 count=$8
  local target=$path sent='' socket='' asked=0 status reason lane began took
  if [[ $method == POST ]]; then
    sent="{\"ms\":$ms}"
  else
    target+="?ms=$ms"
  fi
  while [[ ! -e /tmp/stop ]] && ((count == 0 || asked < count)); do
    asked=$((asked + 1))
    began=$EPOCHREALTIME
    exchange "$HOSTNAME-$number-$asked"
    took=$(printf '%07d' $((${EPOCHREALTIME/./} - ${began/./})))
    echo "$began ${took:0:-6}.${took: -6} $HOSTNAME-$number-$asked $method $key $connection $status $reason $lane"
    sleep "$pause"
  done
}

number=0
for words; do
  number=$((number + 1))
  # The words of one client.
  # shellcheck disable=SC2086
  client $number $words &
done
wait
echo 'done'
