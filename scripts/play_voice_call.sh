#!/bin/sh
# Plays a whole call with curl: play_voice_call.sh BASE_URL API_KEY [PHONE [SKU]]
set -eu
base=$1 key=$2 phone=${3:-+12165550148} call="played-$(date +%s)"

tool() {
    echo "== $1"
    curl -sS -X POST "$base/api/voice/$1" -H "X-API-Key: $key" -H "Content-Type: application/json" -d "$2"
    echo
}

sku=${4:-$(tool products '{"query": "cup", "in_stock_only": true}' | sed -n 's/.*"sku":"\([^"]*\)".*/\1/p' | head -1)}
order="\"phone_number\": \"$phone\", \"items\": [{\"sku\": \"$sku\", \"quantity\": 2}],
  \"delivery_name\": \"Greta Lindqvist\", \"delivery_company\": \"Alder Diner\", \"delivery_address\": \"88 Grist Road\",
  \"delivery_city\": \"Alder Falls\", \"delivery_state\": \"OH\", \"delivery_zip\": \"44099\", \"call_id\": \"$call\""

tool lookup-customer "{\"phone_number\": \"$phone\"}"
tool check-terms "{\"phone_number\": \"$phone\"}"
tool place-order "{$order, \"confirmed\": false}"
placed=$(tool place-order "{$order, \"confirmed\": true}")
echo "$placed"
number=$(echo "$placed" | sed -n 's/.*"order_number":"\([^"]*\)".*/\1/p')
tool send-sms "{\"phone_number\": \"$phone\", \"order_number\": \"$number\", \"payment_method\": \"credit_card\"}"
tool order-status "{\"order_number\": \"$number\"}"
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
tool call-log "{\"call_id\": \"$call\", \"status\": \"done\", \"duration\": 95, \"start_time\": \"$now\", \"end_time\": \"$now\",
  \"phone_number\": \"$phone\", \"order_placed\": true, \"order_number\": \"$number\",
  \"transcript\": \"Agent: How can I help?\nUser: Two of those, please.\"}"
