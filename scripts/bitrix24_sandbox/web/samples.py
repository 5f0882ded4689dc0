"""Programs that get the call, to copy from the card page and run unchanged."""

from ..portal.addresses import oauth_url, webhook_url
from ..portal.authentication import ACCESS_TOKEN

BODY = '{"PLACEMENT":"getStatus","PARAMS":{}}'
WITH_TOKEN = f'{{"PLACEMENT":"getStatus","PARAMS":{{}},"auth":"{ACCESS_TOKEN}"}}'

# How each program trusts the test CA. The page does not know the file; the greeting names it.
TRUST = {
    "cURL": '--cacert "$SSL_CERT_FILE" ',
    "Python": "# SSL_CERT_FILE names the sandbox's test CA\n",
    "JavaScript": "// NODE_EXTRA_CA_CERTS names the sandbox's test CA\n",
    "PHP": '// started with -d curl.cainfo="$SSL_CERT_FILE", the sandbox\'s test CA\n',
}


def samples(origin: str) -> dict[str, dict[str, str]]:
    """Return the programs by kind of authorization, and by language."""
    trust = TRUST if origin.startswith("https:") else dict.fromkeys(TRUST, "")
    webhook, oauth = webhook_url(origin), oauth_url(origin)
    return {
        "Webhook": _programs(
            f"{webhook}placement.call", BODY, "Client", f'base_url="{webhook}"', trust
        ),
        "OAuth": _programs(
            f"{oauth}/placement.call",
            WITH_TOKEN,
            "AuthenticatedClient",
            f'base_url="{oauth}", token="{ACCESS_TOKEN}"',
            trust,
        ),
    }


def _programs(
    url: str, body: str, client: str, arguments: str, trust: dict[str, str]
) -> dict[str, str]:
    """Return programs that post this body, and one in Python that uses this client."""
    curl = f"curl {trust['cURL']}-H 'Content-Type: application/json' -d '{body}' {url}"
    python = f"""\
{trust["Python"]}from bitrix24_call_card import {client}
from bitrix24_call_card.api.call_card import get_status

with {client}({arguments}) as client:
    print(get_status.sync(client=client).result)
"""
    javascript = f"""\
{trust["JavaScript"]}const response = await fetch("{url}", {{
  method: "POST",
  headers: {{ "Content-Type": "application/json" }},
  body: '{body}',
}});
const {{ result, error }} = await response.json();
console.log(error ?? result);
"""
    php = f"""\
<?php
{trust["PHP"]}$request = curl_init('{url}');
curl_setopt_array($request, [
    CURLOPT_POSTFIELDS => '{body}',
    CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
    CURLOPT_RETURNTRANSFER => true,
]);
$answer = json_decode(curl_exec($request), true);
var_dump($answer['error'] ?? $answer['result']);
"""
    return {"cURL": curl, "Python": python, "JavaScript": javascript, "PHP": php}
