# Sourced by the other scripts: makes the virtual environment and keeps it up to date.
VENV="${VENV:-.venv}"
export PIP_DISABLE_PIP_VERSION_CHECK=1

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3.11}" python3.12 python3.13 python3 python; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "Python 3.11 or newer with venv is needed; set PYTHON to one" >&2
  return 1
}

# Installs the requirements file $1 unless the environment has it just as it is now.
install_requirements() {
  local python stamp digest
  if [ ! -x "$VENV/bin/python" ]; then
    python="$(find_python)"
    echo "Creating $VENV with $python"
    "$python" -m venv "$VENV"
  fi
  stamp="$VENV/.installed-$(basename "$1")"
  digest="$("$VENV/bin/python" -c '
import hashlib, pathlib
files = sorted(pathlib.Path().glob("requirements*.txt"))
print(hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest())')"
  if [ "$(cat "$stamp" 2>/dev/null || true)" != "$digest" ]; then
    echo "Installing $1 (the first time takes some minutes)"
    "$VENV/bin/python" -m pip install --quiet --requirement "$1"
    echo "$digest" > "$stamp"
  fi
}
