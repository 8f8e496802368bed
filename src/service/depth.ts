/** Whether a value that was decoded is nested deeper than so many levels. Looks no deeper, and at each object once: there may be circles. */
export function isDeeperThan(value: unknown, depthMax: number): boolean {
  return isDeeper(value, depthMax, new Set());
}

function isDeeper(value: unknown, left: number, seen: Set<object>): boolean {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || seen.has(value)) return false;
  if (left === 0) return true;
  seen.add(value);
  if (Array.isArray(value)) return value.some((item) => isDeeper(item, left - 1, seen));
  if (value instanceof Map) {
    for (const [key, item] of value) if (isDeeper(key, left - 1, seen) || isDeeper(item, left - 1, seen)) return true;
    return false;
  }
  if (value instanceof Set) {
    for (const member of value) if (isDeeper(member, left - 1, seen)) return true;
    return false;
  }
  const items: unknown[] = value instanceof Error ? [value.cause] : Object.values(value);
  return items.some((item) => isDeeper(item, left - 1, seen));
}
