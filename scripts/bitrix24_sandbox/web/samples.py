"""The same call from an application's code, to copy from the card page and run as it is."""

from ..portal.addresses import oauth_url, webhook_url
from ..portal.authentication import ACCESS_TOKEN

BODY = '{"PLACEMENT":"getStatus","PARAMS":{}}'
WITH_TOKEN = f'{{"PLACEMENT":"getStatus","PARAMS":{{}},"auth":"{ACCESS_TOKEN}"}}'

# The greeting says which file that is; this page cannot know. It is how each trusts it.
TRUST = {
    "cURL": '--cacert "$SSL_CERT_FILE" ',
    "Python": "# SSL_CERT_FILE names the sandbox's test authority\n",
    "JavaScript": "// NODE_EXTRA_CA_CERTS names the sandbox's test authority\n",
    "PHP": '// started with -d curl.cainfo="$SSL_CERT_FILE", the sandbox\'s test authority\n',
}


def samples(origin: str) -> dict[str, dict[str, str]]:
    """Give the programs by how they authorize themselves, and by language."""
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
    """Post this body, or in Python let this client of the package do so."""
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
