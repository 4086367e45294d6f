"""Where a node's surfaces are, as the node itself sees it: Host and the signed URL are checked."""

BASE_URL = "http://127.0.0.1:4000"
ADMIN_PATH = "/api/admin/management"
ADMIN_URL = f"{BASE_URL}{ADMIN_PATH}"
