# Read by scripts/test: the real parts that tests run against; installs them as root on Debian, else names them.

missing_parts() {
    command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo postgresql
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || echo chromium
    command -v pdfsig >/dev/null 2>&1 || echo poppler-utils
    command -v qpdf >/dev/null 2>&1 || echo qpdf
    command -v mutool >/dev/null 2>&1 || echo mupdf-tools
    command -v gs >/dev/null 2>&1 || echo ghostscript
    command -v openssl >/dev/null 2>&1 || echo openssl
    command -v softhsm2-util >/dev/null 2>&1 || echo softhsm2
}

missing=$(missing_parts | tr '\n' ' ')
if [ -n "$missing" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing what the tests run against: $missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 - one word per package
    { apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing; } >&2
    missing=$(missing_parts | tr '\n' ' ')
fi
if [ -n "$missing" ]; then
    echo '' >&2
    echo "NOT THERE: $missing" >&2
    echo "Tests that need them are skipped. On Debian or Ubuntu: sudo apt-get install $missing" >&2
    echo '' >&2
fi
