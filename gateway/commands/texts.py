"""What `--help` says."""

ABOUT = """\
One API in front of every LLM provider. Point your OpenAI or Anthropic SDK at the
gateway's address; it checks the caller, picks the provider, translates, retries,
falls back, and counts every token.
"""
START = """\
commands:
  serve      run the gateway
  check      say what a configuration means, or what is wrong with it
  doctor     look for what would keep this gateway from working, and say what to do
  usage      what was used, by whom and for how much
  logs       the newest requests; with --follow, as they end
  budgets    what is left of each budget
  keys       make, list, revoke and rotate the keys of callers
  admin      a new root key for the admin API, where the old one is lost
  version    print the version

start in one line, with the provider keys that are in the environment:
  export OPENAI_API_KEY=…
  gateway serve

and ask it, in another terminal:
  curl http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' \\
    -d '{"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}'

`gateway COMMAND --help` tells more about a command. Exit codes: 0 done, 1 something is wrong,
2 a wrong call.
"""
ADMIN = """\
Makes another root key for the admin API and prints it, once. The old one ends at once,
and the audit log says so. Needs the store itself, as the configuration names it, and no
running gateway. The key alone stands on standard output.
"""
ADMIN_EXAMPLES = """\
examples:
  gateway admin reset-root --config gateway.yaml
  export GATEWAY_ADMIN_KEY=$(gateway admin reset-root --config gateway.yaml)
"""
SERVE = """\
Runs the gateway until it gets SIGTERM or Ctrl-C; then it finishes running requests.

Settings come from flags, then from the file, then from the environment. Without a
file every provider is used whose usual variables are set (OPENAI_API_KEY,
ANTHROPIC_API_KEY, OLLAMA_BASE_URL …).
"""
SERVE_EXAMPLES = """\
examples:
  gateway serve                                 on 127.0.0.1:8080, keys from the environment
  gateway serve --config gateway.yaml           as the file says
  GATEWAY_KEY=… gateway serve --host 0.0.0.0    for other machines; callers need the key

variables: GATEWAY_CONFIG, GATEWAY_HOST, GATEWAY_PORT, GATEWAY_ADMIN_PORT, GATEWAY_WORKERS,
GATEWAY_DATA, GATEWAY_DRAIN, GATEWAY_LOG_LEVEL, GATEWAY_LOG_FORMAT, GATEWAY_KEY (the key that
callers must send) or GATEWAY_KEYS (several, separated by commas).
"""
CHECK = """\
Reads the configuration as `gateway serve` would, calls nobody, and says what it means.
Every mistake is named with its line and a hint. Exit code: 0 if it can be served, 1 if not.
"""
CHECK_EXAMPLES = """\
examples:
  gateway check                          what the environment alone gives
  gateway check --config gateway.yaml

a small file:
  auth: {keys: ["${GATEWAY_KEY}"]}
  providers:
    openai:  {keys: ["${OPENAI_API_KEY}"]}
    my-vllm: {type: openai, base_url: "http://127.0.0.1:8000/v1"}
  models:
    fast:
      targets:   [{model: openai/gpt-4o-mini, weight: 3}, my-vllm/llama-3.1-8b]
      fallbacks: [openai/gpt-4o]
"""
DOCTOR = """\
Looks at the configuration, the ports, the files, the store, the journal, the
providers and the machine, and says of each whether it is as it should be, and what
to do where it is not. It changes nothing and sends no credential. Run it as the user
that runs the gateway, with the gateway's variables. Exit code: 0 unless something fails.
"""
DOCTOR_EXAMPLES = """\
examples:
  gateway doctor --config gateway.yaml
  gateway doctor --config gateway.yaml --offline      without connecting to the providers
  gateway doctor --config gateway.yaml --json         level, about, said and todo, for programs
"""
USAGE = """\
Adds up the stored records of requests. Reads the store itself, SQLite or
PostgreSQL, without writing; the gateway need not run. INPUT counts every prompt
token, CACHED is the part of it that was read from the provider's cache. COST USD is
exact; requests whose cost is unknown are not in it, they are counted as UNPRICED.
Times are UTC.
"""
USAGE_EXAMPLES = """\
examples:
  gateway usage                              the last seven days, by model
  gateway usage --by team --since 30d
  gateway usage --by day,provider --since 2026-11-01 --csv > usage.csv
  gateway usage --by key --top 10
  gateway usage --by cache                   what the cache answered, and what that saved
"""
LOGS = """\
Shows the newest stored records of requests, one line each: when it ended (UTC), the
status, how long it took, tokens of prompt → answer, the cost, the key, the model that
was asked for → what answered, (hit), (semantic) or (coalesced) where the cache did, the
error and its cause, and the request's id. Reads the store itself, SQLite or PostgreSQL,
without writing. An answer is there a second or so after it was given.
"""
LOGS_EXAMPLES = """\
examples:
  gateway logs                          the last 20
  gateway logs --follow --errors        failed requests as they end; Ctrl-C stops
  gateway logs --model openai/gpt-4o -n 100 --json
"""
BUDGETS = """\
Shows the budgets of the file and of the store, and what the stored requests of
their running period cost. Reads the store itself, without writing. The gateway's
own count, which admits and refuses, also holds requests that are still under way.
"""
BUDGETS_EXAMPLES = """\
examples:
  gateway budgets --config gateway.yaml
  gateway budgets --over 80             those of which 80 % or more is used
"""
KEYS = """\
Makes, lists, revokes and rotates the keys of callers, through the admin API of the
running gateway (server.admin_port). The admin key is read from GATEWAY_ADMIN_KEY or
from --admin-key-file, never from the command line. A new key is shown once: the
gateway keeps nothing but its digest.
"""
KEY_WORDS = {
    "create": """ The secret is shown once, alone on standard output. What has
no flag here (limits, networks, credentials of its own …) is given to the admin API.""",
    "list": " The file's come first, then those of the admin API; secrets are not shown.",
    "revoke": " Every worker refuses it within a tenth of a second. It stays to be read.",
    "rotate": " The new secret is shown once, alone on standard output.",
}
KEY_EXAMPLES = {
    "create": """\
examples:
  gateway keys create --name ci --team red --model 'openai/gpt-4o*' --expires 90d
  KEY=$(gateway keys create --name ci --quiet)      the secret alone, for scripts
  gateway keys create --name ci --json              with its id, to revoke it by
""",
    "list": """\
examples:
  gateway keys list --team red
  gateway keys list --json | jq -r 'select(.blocked) | .id'
""",
    "revoke": """\
examples:
  gateway keys revoke key_…
""",
    "rotate": """\
examples:
  gateway keys rotate key_… --grace 1h              the old secret is valid for another hour
""",
}
KEYS_EXAMPLES = """\
examples:
  gateway keys create --name ci --team red --model 'openai/gpt-4o*' --expires 90d
  KEY=$(gateway keys create --name ci --quiet)      the key alone, for scripts
  gateway keys list --team red
  gateway keys rotate key_… --grace 1h              the old secret is valid for another hour
  gateway keys revoke key_…
"""
