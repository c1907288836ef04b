# English. The keys are those of ru.ftl and kk.ftl; a test sees to that.

error-VALIDATION_FAILED = Validation failed.
error-REQUIRED_FIELD = Required field missing.
error-INVALID_UUID = Invalid UUID format.
error-AUTH_INVALID_CREDENTIALS = Invalid email or password.
error-AUTH_TOKEN_EXPIRED = The token has expired; sign in again.
error-AUTH_UNAUTHORIZED = Sign in first.
error-AUTH_FORBIDDEN = You have no right to do this.
error-NOT_FOUND = Not found.
error-METHOD_NOT_ALLOWED = This method is not supported here.
error-REQUEST_TIMEOUT = The request took too long to arrive.
error-CONFLICT = This is not possible in the current state.
error-INVALID_TRANSITION = There is no such step.
error-ALREADY_EXISTS = This exists already.
error-VERSION_CONFLICT = This has changed since you opened it.
error-PAYLOAD_TOO_LARGE = The request is too large.
error-CREDIT_LIMIT_EXCEEDED = The customer's credit limit is exceeded.
error-STOCK_UNAVAILABLE = Not enough goods in stock.
error-INSUFFICIENT_BALANCE = Insufficient balance.
error-IDEMPOTENCY_KEY_REUSED = This Idempotency-Key was used for another request.
error-PREPARING = The read models of that moment are being made; ask again in a moment.
error-RATE_LIMITED = Too many requests; try again later.
error-INTERNAL_ERROR = Internal server error.
error-DATABASE_ERROR = Database operation failed.
error-SERVICE_UNAVAILABLE = The service is temporarily unavailable; try again.

rule-required = This field is required.
rule-too_long = At most { $max ->
    [one] { $max } character
   *[other] { $max } characters
}.
rule-too_many = At most { $max ->
    [one] { $max } item
   *[other] { $max } items
}.
rule-too_deep = Nested deeper than { $max } levels.
rule-not_positive = Must be greater than zero.
rule-negative = Must not be negative.
rule-out_of_range = Must be between { $min } and { $max }.
rule-year_out_of_range = the year must be from { $min } to { $max }
rule-too_large = The number is too large.
rule-too_precise = Too many decimal places.
rule-not_an_email = This is not an e-mail address.
rule-not_twelve_digits = Must be exactly 12 digits.
rule-weak_password = The password is too weak: at least { $min ->
    [one] { $min } character
   *[other] { $min } characters
}.
rule-not_unique = This value is taken.
rule-wrong_type = The value has the wrong type.
rule-unknown = Unknown value or field.
rule-not_allowed = This value is not allowed.
rule-not_a_uuid = This is not a UUID.
rule-not_yet = This moment has not come yet.
rule-other_currency = An amount here is in another currency; name it in this one.

rejection-bom-cyclic = The bill of materials leads back to its own product.
rejection-bom-invalid = The bill of materials is not valid.
rejection-bom-too-large = The bill of materials comes to more than { $max } parts over all levels, or to more of one part than can be counted.
rejection-customer-already-created = The customer exists already.
rejection-customer-invalid = The customer's data is not valid.
rejection-customer-missing = There is no such customer.
rejection-customer-no-such-step = A customer cannot go from { $from } to { $to }.
rejection-deal-already-created = The deal exists already.
rejection-deal-already-lost = The deal is lost already.
rejection-deal-already-won = The deal is won already.
rejection-deal-changed-meanwhile = The deal was changed at the same moment; try again.
rejection-deal-invalid = The deal's data is not valid.
rejection-deal-missing = There is no such deal.
rejection-deal-no-customer = A deal needs a customer before it can be won.
rejection-deal-nothing-sold = A deal needs a product line or a value before it can be won.
rejection-exchange-rate-invalid = The exchange rate is not valid.
rejection-invoice-above-open = The payment exceeds what is open: { $open }.
rejection-invoice-empty = The invoice has no line.
rejection-invoice-invalid = The invoice's data is not valid.
rejection-invoice-missing = There is no such invoice.
rejection-invoice-not-sent = The invoice has not been sent yet.
rejection-invoice-nothing-to-pay = There is nothing to pay: the invoice comes to zero.
rejection-notification-missing = There is no such notification.
rejection-order-empty = The order has no line.
rejection-order-invalid = The order's data is not valid.
rejection-organization-already-created = The organization exists already.
rejection-organization-invalid = The organization's data is not valid.
rejection-person-missing = There is no such person.
rejection-process-ended = The process has come to its end.
rejection-process-invalid = The decision is not valid.
rejection-process-missing = There is no such process.
rejection-process-not-refused = The step “{ $step }” was not refused, or has been decided on.
rejection-process-not-stuck = No step of the process was refused: there is nothing to decide.
rejection-process-several-refused = Name one of the steps that were refused: { $steps }.
rejection-product-already-created = The product exists already.
rejection-product-invalid = The product's data is not valid.
rejection-product-missing = There is no such product.
rejection-production-order-cannot-explode = The product's bill of materials cannot be exploded.
rejection-production-order-invalid = The production order's data is not valid.
rejection-production-order-missing = There is no such production order.
rejection-production-order-no-bill = The product has no bill of materials.
rejection-production-order-no-such-date = There is no such date: the plan leaves the calendar.
rejection-read-models-changing = The read models of this workspace are being made anew; try again in a moment.
rejection-stock-invalid = The stock operation is not valid.
rejection-stock-too-much = Stock cannot hold such a quantity.
rejection-user-already-registered = The user is registered already.
rejection-user-invalid = The user's data is not valid.
rejection-user-missing = There is no such user.
rejection-workspace-already-created = The workspace exists already.
rejection-workspace-invalid = The workspace's data is not valid.
rejection-workspace-missing = There is no such workspace.

rejection-body-malformed = The request body is not well-formed JSON.
rejection-body-not-an-object = The request body must be a JSON object.
rejection-body-reserved-key = The key $person is reserved.
rejection-body-unreadable = The request body could not be read.
rejection-command-too-large = Too many changes in one request.
rejection-history-archived = The beginning of this history was put away.
rejection-mail-not-configured = This server sends no mail; nobody can register until its operator sets that up.
rejection-metrics-not-public = The metrics are not public.
rejection-organization-bin-taken = An organization with this BIN is registered already.
rejection-organization-contradiction = The workspace does not belong to the organization that the request names.
rejection-password-busy = Too many people are signing in at once; try again.
rejection-permission-missing = You have no right to do this.
rejection-person-erased = The data of this person was erased.
rejection-workspace-moved = This workspace has moved to another server.
rejection-product-barcode-taken = Another product has this barcode.
rejection-product-code-taken = Another product has this code.
rejection-reference-unknown = The request refers to something that does not exist.
rejection-route-missing = There is no such address.
rejection-session-ended = The session has ended; sign in again.
rejection-sign-in-slowed = Too many wrong attempts; try again later.
rejection-store-busy = Too many changes at once; try again.
rejection-store-outcome-unknown = Whether the change was saved is not known: repeat the request with the same Idempotency-Key.
rejection-store-unavailable = The store is temporarily unavailable; try again.
rejection-user-code-contested = Others are registering this address as well: register again from here and use the code that you are sent then.
rejection-user-code-wrong = The code is wrong or has expired.
rejection-user-codes-slowed = Too many codes were asked for; try again later.
rejection-user-email-not-verified = Verify your e-mail address before you sign in.
rejection-user-email-taken = This e-mail address is registered already.
rejection-version-missing = There is no such version of the API; this is version 1, below /api/v1.
rejection-version-stale = This has changed since you opened it.
rejection-workspace-busy = Too many requests of this workspace are at work at once; try again.
rejection-workspace-contradiction = The request names two different workspaces.
rejection-workspace-slug-taken = This workspace name is taken.

notification-deal_won-title = Deal won
notification-deal_won-message = Deal { $dealNumber } “{ $title }” was won for { $amount }.
notification-production_shortage-title = Material is short
notification-production_shortage-message = Order { $orderNumber } is short of “{ $materialName }”: { $missing }.
notification-bill_missing-title = Bill of materials is missing
notification-bill_missing-message = Order { $orderNumber } waits: nobody has said yet how “{ $productName }” is made.
notification-process_parked-title = A process has stopped
notification-process_parked-message = Step “{ $step }” was not carried out: { $reason }.
notification-shortage_lasts-title = Material is still short
notification-shortage_lasts-message = Order { $number } has waited for “{ $materialName }” since { $since }: { $missing } missing.
notification-bill_still_missing-title = Bill of materials is still missing
notification-bill_still_missing-message = Order { $number } has waited since { $since }: nobody has said how “{ $productName }” is made.
notification-process_late-title = A process takes too long
notification-process_late-message = What should follow { $number } by itself has not been done since { $since }.
notification-invoice_overdue-title = Invoice is overdue
notification-invoice_overdue-message = Invoice { $invoiceNumber } was to be paid by { $dueDate } and is not.

mail-verify-subject = Verify your e-mail address
mail-verify-greeting = Hello! Your Prometric verification code:
mail-verify-closing = The code is good for 24 hours. Type it in only if you have registered yourself; otherwise just delete this mail.
