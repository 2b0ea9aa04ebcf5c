# Read by the scripts: sets ROOT and makes .venv ready; needs nothing but a Python 3.11 to 3.13.
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

# With this variable set Python would read every module from its source again: imports cost four times as much.
unset PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH

for python in "${PYTHON:-}" "$ROOT/.venv/bin/python" python3 python3.13 python3.12 python3.11; do
    [ -n "$python" ] || continue
    "$python" -I -S -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && break
    python=
done
if [ -z "$python" ]; then
    echo "eoffice needs Python 3.11, 3.12 or 3.13 and found none: $(python3 --version 2>&1)." >&2
    echo "On Debian or Ubuntu: sudo apt-get install python3. Elsewhere: PYTHON=/path/to/python3.12 $0" >&2
    exit 1
fi
"$python" "$ROOT/scripts/lib/bootstrap.py"
