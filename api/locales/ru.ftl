# Русский. Ключи те же, что в kk.ftl и en.ftl; тест следит за этим.

error-VALIDATION_FAILED = Данные заполнены неверно.
error-REQUIRED_FIELD = Не заполнено обязательное поле.
error-INVALID_UUID = Неверный формат идентификатора (UUID).
error-AUTH_INVALID_CREDENTIALS = Неверный email или пароль.
error-AUTH_TOKEN_EXPIRED = Срок действия токена истёк, войдите снова.
error-AUTH_UNAUTHORIZED = Требуется вход в систему.
error-AUTH_FORBIDDEN = Недостаточно прав для этого действия.
error-NOT_FOUND = Не найдено.
error-METHOD_NOT_ALLOWED = Этот метод здесь не поддерживается.
error-REQUEST_TIMEOUT = Запрос поступал слишком долго.
error-CONFLICT = Действие невозможно в текущем состоянии.
error-INVALID_TRANSITION = Такой переход невозможен.
error-ALREADY_EXISTS = Такая запись уже существует.
error-VERSION_CONFLICT = Запись изменилась с тех пор, как вы её открыли.
error-PAYLOAD_TOO_LARGE = Запрос слишком большой.
error-CREDIT_LIMIT_EXCEEDED = Превышен кредитный лимит клиента.
error-STOCK_UNAVAILABLE = Недостаточно товара на складе.
error-INSUFFICIENT_BALANCE = Недостаточно средств.
error-IDEMPOTENCY_KEY_REUSED = Этот Idempotency-Key уже использован для другого запроса.
error-PREPARING = Данные на этот момент готовятся, повторите запрос чуть позже.
error-RATE_LIMITED = Слишком много запросов, повторите позже.
error-INTERNAL_ERROR = Внутренняя ошибка сервера.
error-DATABASE_ERROR = Ошибка базы данных.
error-SERVICE_UNAVAILABLE = Сервис временно недоступен, повторите запрос.

rule-required = Обязательное поле.
rule-too_long = Не длиннее { $max ->
    [one] { $max } символа
   *[other] { $max } символов
}.
rule-too_many = Не больше { $max ->
    [one] { $max } элемента
   *[other] { $max } элементов
}.
rule-too_deep = Вложенность больше { $max } уровней.
rule-not_positive = Должно быть больше нуля.
rule-negative = Не может быть отрицательным.
rule-out_of_range = Допустимо от { $min } до { $max }.
rule-year_out_of_range = год должен быть от { $min } до { $max }
rule-too_large = Слишком большое число.
rule-too_precise = Слишком много знаков после запятой.
rule-not_an_email = Это не адрес электронной почты.
rule-not_twelve_digits = Должно быть ровно 12 цифр.
rule-weak_password = Пароль слишком простой: нужно не меньше { $min ->
    [one] { $min } символа
   *[other] { $min } символов
}.
rule-not_unique = Значение уже занято.
rule-wrong_type = Неверный тип значения.
rule-unknown = Неизвестное значение или поле.
rule-not_allowed = Недопустимое значение.
rule-not_a_uuid = Это не идентификатор (UUID).
rule-not_yet = Этот момент ещё не наступил.
rule-other_currency = Сумма указана в другой валюте: назовите её в этой.

rejection-bom-cyclic = Спецификация замыкается на собственное изделие.
rejection-bom-invalid = Спецификация заполнена неверно.
rejection-bom-too-large = В спецификации на всех уровнях больше { $max } частей, или одной из частей нужно больше, чем можно сосчитать.
rejection-customer-already-created = Клиент уже создан.
rejection-customer-invalid = Данные клиента заполнены неверно.
rejection-customer-missing = Клиент не найден.
rejection-customer-no-such-step = Клиента нельзя перевести из состояния { $from } в { $to }.
rejection-deal-already-created = Сделка уже создана.
rejection-deal-already-lost = Сделка уже проиграна.
rejection-deal-already-won = Сделка уже выиграна.
rejection-deal-changed-meanwhile = Сделку только что изменили; повторите попытку.
rejection-deal-invalid = Данные сделки заполнены неверно.
rejection-deal-missing = Сделка не найдена.
rejection-deal-no-customer = Чтобы выиграть сделку, укажите клиента.
rejection-deal-nothing-sold = Чтобы выиграть сделку, добавьте товар или сумму.
rejection-exchange-rate-invalid = Курс валюты заполнен неверно.
rejection-invoice-above-open = Платёж больше остатка по счёту: к оплате { $open }.
rejection-invoice-empty = В счёте нет ни одной строки.
rejection-invoice-invalid = Данные счёта заполнены неверно.
rejection-invoice-missing = Счёт не найден.
rejection-invoice-not-sent = Счёт ещё не отправлен.
rejection-invoice-nothing-to-pay = Платить нечего: сумма счёта равна нулю.
rejection-notification-missing = Уведомление не найдено.
rejection-order-empty = В заказе нет ни одной строки.
rejection-order-invalid = Данные заказа заполнены неверно.
rejection-organization-already-created = Организация уже создана.
rejection-organization-invalid = Данные организации заполнены неверно.
rejection-person-missing = Такого человека нет.
rejection-process-ended = Процесс уже завершён.
rejection-process-invalid = Решение заполнено неверно.
rejection-process-missing = Процесс не найден.
rejection-process-not-refused = Шаг «{ $step }» не был отклонён, или решение по нему уже принято.
rejection-process-not-stuck = Ни один шаг процесса не отклонён: решать нечего.
rejection-process-several-refused = Укажите один из отклонённых шагов: { $steps }.
rejection-product-already-created = Товар уже создан.
rejection-product-invalid = Данные товара заполнены неверно.
rejection-product-missing = Товар не найден.
rejection-production-order-cannot-explode = Не удалось раскрыть спецификацию изделия.
rejection-production-order-invalid = Данные производственного заказа заполнены неверно.
rejection-production-order-missing = Производственный заказ не найден.
rejection-production-order-no-bill = У изделия нет спецификации.
rejection-production-order-no-such-date = Такой даты не бывает: срок выходит за пределы календаря.
rejection-read-models-changing = Данные этого рабочего пространства перестраиваются, повторите запрос через мгновение.
rejection-stock-invalid = Складская операция заполнена неверно.
rejection-stock-too-much = Такое количество не поместится в учёте склада.
rejection-user-already-registered = Пользователь уже зарегистрирован.
rejection-user-invalid = Данные пользователя заполнены неверно.
rejection-user-missing = Пользователь не найден.
rejection-workspace-already-created = Рабочее пространство уже создано.
rejection-workspace-invalid = Данные рабочего пространства заполнены неверно.
rejection-workspace-missing = Рабочее пространство не найдено.

rejection-body-malformed = Тело запроса не является правильным JSON.
rejection-body-not-an-object = Тело запроса должно быть объектом JSON.
rejection-body-reserved-key = Ключ $person зарезервирован.
rejection-body-unreadable = Тело запроса не удалось прочитать.
rejection-command-too-large = Слишком много изменений в одном запросе.
rejection-history-archived = Начало этой истории убрано в архив.
rejection-mail-not-configured = Сервер не отправляет почту: регистрация невозможна, пока она не настроена.
rejection-metrics-not-public = Метрики не публичны.
rejection-organization-bin-taken = Организация с таким БИН уже зарегистрирована.
rejection-organization-contradiction = Рабочее пространство не принадлежит организации, которую называет запрос.
rejection-password-busy = Слишком много входов одновременно; попробуйте ещё раз.
rejection-permission-missing = Недостаточно прав для этого действия.
rejection-person-erased = Данные этого человека удалены.
rejection-workspace-moved = Это рабочее пространство перенесено на другой сервер.
rejection-product-barcode-taken = Такой штрихкод уже есть у другого товара.
rejection-product-code-taken = Такой код уже есть у другого товара.
rejection-reference-unknown = Запрос ссылается на то, чего нет.
rejection-route-missing = Такого адреса нет.
rejection-session-ended = Сеанс завершён, войдите снова.
rejection-sign-in-slowed = Слишком много неудачных попыток; попробуйте позже.
rejection-store-busy = Слишком много одновременных изменений, повторите запрос.
rejection-store-outcome-unknown = Неизвестно, сохранено ли изменение: повторите запрос с тем же Idempotency-Key.
rejection-store-unavailable = Хранилище временно недоступно, повторите запрос.
rejection-user-code-contested = Этот адрес регистрируют и другие: зарегистрируйтесь отсюда ещё раз и введите код из нового письма.
rejection-user-code-wrong = Код неверен или устарел.
rejection-user-codes-slowed = Код запрашивали слишком часто; попробуйте позже.
rejection-user-email-not-verified = Подтвердите email, прежде чем войти.
rejection-user-email-taken = Этот email уже зарегистрирован.
rejection-version-missing = Такой версии API нет; есть версия 1, по адресам /api/v1.
rejection-version-stale = Запись изменилась с тех пор, как вы её открыли.
rejection-workspace-busy = У этого рабочего пространства выполняется слишком много запросов сразу; повторите позже.
rejection-workspace-contradiction = Запрос называет два разных рабочих пространства.
rejection-workspace-slug-taken = Такое имя рабочего пространства уже занято.

notification-deal_won-title = Сделка выиграна
notification-deal_won-message = Сделка { $dealNumber } «{ $title }» выиграна на сумму { $amount }.
notification-production_shortage-title = Не хватает материала
notification-production_shortage-message = Для заказа { $orderNumber } не хватает материала «{ $materialName }»: { $missing }.
notification-bill_missing-title = Нет спецификации
notification-bill_missing-message = Заказ { $orderNumber } ждёт: ещё не указано, из чего делается «{ $productName }».
notification-process_parked-title = Процесс остановился
notification-process_parked-message = Шаг «{ $step }» не выполнен: { $reason }.
notification-shortage_lasts-title = Материала всё ещё не хватает
notification-shortage_lasts-message = Заказ { $number } ждёт материал «{ $materialName }» с { $since }: не хватает { $missing }.
notification-bill_still_missing-title = Спецификации всё ещё нет
notification-bill_still_missing-message = Заказ { $number } ждёт с { $since }: не указано, из чего делается «{ $productName }».
notification-process_late-title = Процесс затянулся
notification-process_late-message = То, что должно следовать за { $number } само собой, не выполнено с { $since }.
notification-invoice_overdue-title = Счёт просрочен
notification-invoice_overdue-message = Счёт { $invoiceNumber } нужно было оплатить до { $dueDate }, он не оплачен.

mail-verify-subject = Подтверждение адреса электронной почты
mail-verify-greeting = Здравствуйте! Ваш код подтверждения Prometric:
mail-verify-closing = Код действует 24 часа. Вводите его, только если вы сами регистрировались; иначе просто удалите это письмо.
