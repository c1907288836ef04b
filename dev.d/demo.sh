#!/usr/bin/env bash
# `./dev demo`: plays the story of a small business against a running server, step by step, and holds every answer against
# what the story says. Ends with a sentence and a status other than 0 at the first thing that is not so.
#
#   ./dev demo [URL]      URL of the server; else PROMETRIC_URL, else http://127.0.0.1:$PORT, where PORT is 5001 unless set
#   MAIL_DIR=…            where that server writes its mail; .dev/mail unless set
#
# Everything is made anew with names of its own, so it can be played any number of times. It keeps to bash 3.2, curl and
# awk: a fresh machine may have neither jq nor Python.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
SERVER=${1:-${PROMETRIC_URL:-http://127.0.0.1:${PORT:-5001}}}
SERVER=${SERVER%/}
API=$SERVER/api/v1
MAIL_DIR=${MAIL_DIR:-$ROOT/.dev/mail}
PATIENCE=30 # seconds that anything which follows by itself may take

# Twelve digits, for it is the company's BIN too: of this second, and four that tell plays of one second apart.
RUN=$(printf '%08d%04d' $(($(date +%s) % 100000000)) $(((RANDOM * 32768 + RANDOM) % 10000)))
EMAIL=demo-$RUN@example.kz
PASSWORD=SecurePassword123

TOKEN=""  # of the owner, once signed in
STATUS="" # of the last answer
BODY=""   # of the last answer
FLAT=""   # the same, as lines of path, tab, value
STEPS=0
CHECKS=0

BOLD="" DIM="" PLAIN=""
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    BOLD=$(printf '\033[1m') DIM=$(printf '\033[2m') PLAIN=$(printf '\033[0m')
fi

# ---- telling -------------------------------------------------------------------------------------------------------

step() {
    STEPS=$((STEPS + 1))
    printf '\n%s%2d. %s%s\n' "$BOLD" "$STEPS" "$*" "$PLAIN"
}

note() { printf '    %s\n' "$*"; }

fail() {
    printf '\ndemo: %s\n' "$*" >&2
    if [ -n "$BODY" ]; then printf '      the last answer was %s %s\n' "$STATUS" "${BODY:0:2000}" >&2; fi
    exit 1
}

# ---- asking --------------------------------------------------------------------------------------------------------

# Sends a request and keeps the answer, whatever it is.
request() { # METHOD PATH [JSON]
    local answer
    set -- -X "$1" "$API$2" ${3+--data-binary} ${3+"$3"}
    if [ -n "$TOKEN" ]; then set -- "$@" -H "Authorization: Bearer $TOKEN"; fi
    set -- "$@" -H 'Content-Type: application/json' -H 'Accept-Language: en-US'
    while :; do
        answer=$(curl -sS --noproxy '127.0.0.1,localhost' --max-time 60 -w '\n%{http_code}' "$@") ||
            { BODY="" && fail "$SERVER does not answer: is ./dev run at work?"; }
        STATUS=${answer##*$'\n'}
        if [ "$STATUS" != 429 ]; then break; fi
        sleep 3 # more requests than the limit of a minute
    done
    BODY=${answer%$'\n'*}
    FLAT=$(printf '%s' "$BODY" | flatten)
}

# The same, shown, with the status it must have.
ask() { # STATUS METHOD PATH [JSON]
    local wanted=$1
    shift
    printf '    %s%s %s%s\n' "$DIM" "$1" "/api/v1$2" "$PLAIN"
    if [ $# -gt 2 ]; then printf '%s\n' "$3" | sed "s/^/      $DIM/; s/\$/$PLAIN/"; fi
    request "$@"
    if [ "$STATUS" != "$wanted" ]; then fail "$1 $2 should have been answered with $wanted"; fi
}

# Prints each value of a JSON document as a line: path, tab, value. `{"a":[{"b":1.50}]}` gives `a.0.b`, tab, `1.5`.
flatten() {
    LC_ALL=C awk '
        { text = text $0 "\n" }
        function where(   n, path) {
            path = name[1]
            for (n = 2; n <= depth; n++) path = path "." name[n]
            return path
        }
        function plain(token) { # a string without its quotes, a number without zeros that say nothing
            if (token ~ /^"/) {
                token = substr(token, 2, length(token) - 2)
                gsub(/\\"/, "\"", token)
                gsub(/\\\\/, "\\", token)
            } else if (token ~ /^-?[0-9]+\.[0-9]+$/) {
                sub(/0+$/, "", token)
                sub(/\.$/, "", token)
            }
            return token
        }
        END {
            while (text != "") {
                if (!match(text, /^[ \t\r\n:]+/) && !match(text, /^"([^"\\]|\\.)*"/) && !match(text, /^[-+.0-9A-Za-z]+/)) RLENGTH = 1
                token = substr(text, 1, RLENGTH)
                text = substr(text, RLENGTH + 1)
                if (token ~ /^[ \t\r\n:]/) continue
                if (token == "{" || token == "[") {
                    kind[++depth] = token
                    name[depth] = token == "[" ? 0 : ""
                } else if (token == "}" || token == "]") depth--
                else if (token == ",") name[depth] = kind[depth] == "[" ? name[depth] + 1 : ""
                else if (kind[depth] == "{" && name[depth] == "") name[depth] = plain(token)
                else print where() "\t" plain(token)
            }
        }'
}

# A value of the last answer; empty when it is not there. It reads to the end: who writes into a pipe that nobody reads any
# more is ended by a signal, and we with it.
get() { # PATH
    printf '%s\n' "$FLAT" | awk -F '\t' -v path="$1" '$1 == path && !found++ { print substr($0, length(path) + 2) }'
}

# How many elements an array of the last answer has.
count() { # PATH
    printf '%s\n' "$FLAT" | awk -F '\t' -v path="$1." '
        index($1, path) == 1 { n = substr($1, length(path) + 1); sub(/\..*/, "", n); if (n + 1 > most) most = n + 1 }
        END { print most + 0 }'
}

# ---- checking ------------------------------------------------------------------------------------------------------

# Says what is, and fails when it is not what it must be.
expect() { # WHAT IS MUST_BE
    CHECKS=$((CHECKS + 1))
    if [ "$2" != "$3" ]; then fail "$1 is '$2', and the story says '$3'"; fi
    note "$1: $2"
}

# The same for a value of the last answer.
expect_field() { expect "$1" "$(get "$2")" "$3"; } # WHAT PATH MUST_BE

# A document's number: the series, the year of the others, and its place.
expect_number() { # WHAT PATH SERIES NTH
    local number
    number=$(get "$2")
    YEAR=${YEAR:-$(printf '%s' "$number" | sed -n 's/^[A-Z]*-\([0-9]\{4\}\)-[0-9]*$/\1/p')}
    expect "$1" "$number" "$3-$YEAR-$4"
}
YEAR=""

expect_some() { # WHAT PATH
    CHECKS=$((CHECKS + 1))
    if [ -z "$(get "$2")" ] || [ "$(get "$2")" = null ]; then fail "$1 is missing"; fi
    note "$1: $(get "$2")"
}

# Asks again and again, until it is so.
await() { # WHAT FUNCTION
    local deadline=$((SECONDS + PATIENCE))
    until "$2"; do
        if [ "$SECONDS" -ge "$deadline" ]; then fail "$1 did not come to be within $PATIENCE seconds"; fi
        sleep 0.5 # a request each: a minute has so many
    done
}

# ---- the code in the mail ------------------------------------------------------------------------------------------

# Prints the path of the newest mail to the owner; names begin with the time.
newest_mail() {
    local file newest=""
    for file in "$MAIL_DIR"/*-"$EMAIL".eml; do
        if [ -f "$file" ]; then newest=$file; fi
    done
    printf '%s' "$newest"
}

has_mail() { [ -n "$(newest_mail)" ]; }

read_code() {
    local deadline=$((SECONDS + 10)) file
    if [ -n "${SMTP_URL:-}" ]; then deadline=$SECONDS; fi
    until has_mail || [ "$SECONDS" -ge "$deadline" ]; do sleep 0.1; done
    file=$(newest_mail)
    if [ -n "$file" ]; then
        CODE=$(tr -d '\r' <"$file" | awk '/^[0-9][0-9][0-9][0-9][0-9][0-9]$/ && !found++')
        if [ -z "$CODE" ]; then fail "there is no code in $file"; fi
        note "mail: ${file#"$ROOT"/}"
        note "code: $CODE"
        return
    fi
    note "no mail to $EMAIL in $MAIL_DIR: the server sends by SMTP_URL, or writes to another folder (MAIL_DIR=…)"
    if [ ! -t 0 ]; then BODY="" && fail "the code is needed to go on, and nobody is here to type it"; fi
    printf '    the code in the mail: '
    read -r CODE
}
CODE=""

# ---- the story -----------------------------------------------------------------------------------------------------

enter() {
    step "The server is up"
    ask 200 GET /health
    expect_field "status" data.status healthy
    note "database: $(get data.services.database), NATS: $(get data.services.nats)"

    step "Register the owner of a company"
    ask 201 POST /users/register-owner "{\"email\":\"$EMAIL\",\"password\":\"$PASSWORD\",\"firstName\":\"Айгерим\",\"lastName\":\"Серикова\",
 \"bin\":\"$RUN\",\"companyName\":\"ТОО Демо $RUN\"}"
    expect_field "user's status" data.user.status pending

    step "Read the code from the mail"
    read_code

    step "Verify the address"
    ask 200 POST /users/verify-email "{\"email\":\"$EMAIL\",\"code\":\"$CODE\"}"
    note "message: $(get data.message)"

    step "Sign in"
    ask 200 POST /auth/login "{\"email\":\"$EMAIL\",\"password\":\"$PASSWORD\"}"
    expect_field "role" organizationRole owner
    expect_some "workspace" workspaceId
    TOKEN=$(get accessToken)
    WORKSPACE=$(get workspaceId)
}

set_up() {
    step "Create a customer"
    ask 201 POST /customers '{"name":"ТОО Tech Solutions","type":"COMPANY","email":"info@techsolutions.kz"}'
    expect_number "number" data.customerNumber CUS 0001
    CUSTOMER=$(get data.id)

    step "Create two materials and receive them into stock"
    create_product "STEEL-$RUN" "Steel sheet 2 mm" MATERIAL 15000
    STEEL=$(get data.id)
    create_product "LOCK-$RUN" "Lock" MATERIAL 25000
    LOCK=$(get data.id)
    receive "$STEEL" 20 15000
    receive "$LOCK" 4 25000

    step "Create a product that is manufactured, with its bill of materials"
    create_product "CABINET-$RUN" "Server cabinet 42U" MANUFACTURED 180000
    CABINET=$(get data.id)
    ask 200 PUT "/production/bom/$CABINET" "{\"components\":[{\"materialId\":\"$STEEL\",\"quantity\":5,\"cost\":15000},
               {\"materialId\":\"$LOCK\",\"quantity\":1,\"cost\":25000}],
 \"operations\":[{\"name\":\"Cutting\",\"duration\":120},{\"name\":\"Welding\",\"duration\":180}]}"
    ask 200 GET "/production/bom/$CABINET"
    expect_field "total cost" data.totalCost 100000
    expect_field "total time" data.totalTime 300

    step "Create a plain product and receive it into stock"
    create_product "SERVER-$RUN" "Server rack unit" PRODUCT 400000
    PRODUCT=$(get data.id)
    receive "$PRODUCT" 60 310000
}

create_product() { # CODE NAME TYPE PRICE
    ask 201 POST /products "{\"code\":\"$1\",\"name\":\"$2\",\"type\":\"$3\",\"price\":$4}"
    expect_some "product" data.id
}

receive() { # PRODUCT QUANTITY UNIT_COST
    ask 201 POST /stock/receipts "{\"productId\":\"$1\",\"quantity\":$2,\"unitCost\":$3,\"reference\":\"PO-001\"}"
    expect_field "received" data.quantity "$2"
}

# 50 × 400000 less 10 % plus 12 % is 20160000; 2 × 180000 plus 12 % is 403200; 20500000 is agreed, 63200 less than both.
sell() {
    local stage
    step "Create a deal with both products"
    ask 201 POST /deals "{\"title\":\"Server room\",\"customerId\":\"$CUSTOMER\",
 \"products\":[{\"productId\":\"$PRODUCT\",\"quantity\":50,\"unitPrice\":400000,\"discount\":10,\"tax\":12},
             {\"productId\":\"$CABINET\",\"quantity\":2,\"unitPrice\":180000,\"tax\":12}]}"
    expect_number "number" data.dealNumber DL 0001
    DEAL=$(get data.id)
    ask 200 GET "/deals/$DEAL"
    expect_field "first line: 50 × 400000, discount 10, tax 12" data.products.0.totalPrice 20160000
    expect_field "second line: 2 × 180000, tax 12" data.products.1.totalPrice 403200
    expect_field "value" data.value 20563200

    step "Move it through the stages"
    for stage in QUALIFIED PROPOSAL NEGOTIATION CLOSING; do
        ask 200 POST "/deals/$DEAL/stage" "{\"stage\":\"$stage\"}"
        expect_field "stage" data.stage "$stage"
    done

    step "Win it, for an amount that differs from its lines"
    ask 200 POST "/deals/$DEAL/win" '{"finalAmount":20500000,"notes":"Agreed on the phone"}'
    expect_field "stage" data.stage WON
    ORDER=$(get data.orderId)
    note "order: $ORDER"
}

# What must follow from the won deal by itself; the last of it is that production is planned.
has_followed() {
    has_any /orders && has_any /finance/invoices && has_any /notifications && has_any /production/orders &&
        [ "$(get data.items.0.status)" = scheduled ]
}

has_any() { # PATH
    request GET "$1"
    if [ "$STATUS" != 200 ]; then fail "GET $1 should have been answered with 200"; fi
    [ "$(get data.total)" != 0 ]
}

follow() {
    step "Within a moment the rest has happened by itself: the order"
    await "order, invoice, production order and notification" has_followed
    ask 200 GET "/workspaces/$WORKSPACE/orders"
    expect_field "orders" data.total 1
    expect_field "it is the deal's" data.items.0.dealId "$DEAL"
    expect_field "it is the one that winning named" data.items.0.id "$ORDER"
    expect_number "number" data.items.0.orderNumber ORD 0001
    expect "lines" "$(count data.items.0.items)" 3
    expect_field "first line" data.items.0.items.0.totalPrice 20160000
    expect_field "second line" data.items.0.items.1.totalPrice 403200
    expect_field "third line's type" data.items.0.items.2.type ADJUSTMENT
    expect_field "third line" data.items.0.items.2.totalPrice -63200
    expect_field "total" data.items.0.totalAmount 20500000

    step "… the invoice"
    ask 200 GET "/finance/invoices?orderId=$ORDER"
    expect_field "invoices" data.total 1
    expect_number "number" data.items.0.invoiceNumber INV 0001
    expect_field "amount" data.items.0.amount 20500000
    expect_field "status" data.items.0.status sent
    INVOICE=$(get data.items.0.id)

    step "… the production order for the manufactured line"
    ask 200 GET "/production/orders?orderId=$ORDER"
    expect_field "production orders" data.total 1
    expect_number "number" data.items.0.productionNumber PRD 0001
    expect_field "quantity" data.items.0.quantity 2
    expect "work orders" "$(count data.items.0.workOrders)" 2
    expect_field "first work order" data.items.0.workOrders.0.operation Cutting
    expect_field "second work order" data.items.0.workOrders.1.operation Welding
    expect_field "materials" data.items.0.materialState reserved
    expect_field "steel reserved" data.items.0.materials.0.reserved 10
    expect_field "locks reserved" data.items.0.materials.1.reserved 2
    expect_field "status" data.items.0.status scheduled

    step "… goods and materials that are spoken for"
    expect_stock "$PRODUCT" 60 50
    expect_stock "$STEEL" 20 10
    expect_stock "$LOCK" 4 2

    step "… and the owner has been told"
    ask 200 GET /notifications
    expect_field "notification's type" data.items.0.type deal_won
    note "$(get data.items.0.title): $(get data.items.0.message)"

    step "Winning twice is winning once"
    ask 200 POST "/deals/$DEAL/win" '{}'
    expect_field "order" data.orderId "$ORDER"
    ask 200 GET /orders
    expect_field "orders" data.total 1
}

expect_stock() { # PRODUCT IN_STOCK RESERVED
    ask 200 GET "/products/$1"
    note "product: $(get data.name)"
    expect_field "in stock" data.inventory.inStock "$2"
    expect_field "reserved" data.inventory.reserved "$3"
}

collect() {
    step "Pay a part of the invoice"
    pay 8000000 0001
    expect_paid partial 8000000

    step "Pay the rest"
    pay 12500000 0002
    expect_paid paid 20500000
}

pay() { # AMOUNT NTH
    ask 201 POST /finance/payments "{\"invoiceId\":\"$INVOICE\",\"amount\":$1,\"method\":\"bank_transfer\",\"reference\":\"TRX-$2\"}"
    expect_number "number" data.paymentNumber PAY "$2"
    expect_field "applied" data.applied "$1"
}

expect_paid() { # STATUS AMOUNT
    ask 200 GET "/finance/invoices/$INVOICE"
    expect_field "invoice" data.status "$1"
    expect_field "paid" data.paidAmount "$2"
    ask 200 GET "/orders/$ORDER"
    expect_field "order's payment" data.paymentStatus "$1"
}

finish() {
    local nats
    nats=$(sed -n 's/^NATS_URL=//p' "$ROOT/.dev/env" 2>/dev/null || true)
    nats=${NATS_URL:-$nats}
    printf '\n%sThe story holds: %d steps, %d checks.%s\n' "$BOLD" "$STEPS" "$CHECKS" "$PLAIN"
    note "look around    $SERVER/docs, as $EMAIL with the password $PASSWORD"
    if [ -n "$nats" ]; then
        note "watch events   nats --server $nats sub 'prometric.>', and play this again"
        note "of this story  nats --server $nats stream view PROMETRIC --subject 'prometric.$WORKSPACE.>'"
    fi
}

if ! command -v curl >/dev/null; then fail "curl is missing: install it, then run this again"; fi
echo "Playing the story against $SERVER"
enter
set_up
sell
follow
collect
finish
