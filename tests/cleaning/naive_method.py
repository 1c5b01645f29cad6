"""The method written box by box in plain Python, straight from its description."""


def iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = area(a) + area(b) - shared
    return shared / union if union > 0 else 0.0


def iof(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0) / area(b) if area(b) > 0 else 0.0


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def rows_of(source, columns, threshold):
    """(source, index, image, category, box, score) of each kept row; scores None for crowd."""
    count = len(columns.image_ids)
    given = getattr(columns, "scores", [None] * count)
    return [
        (
            source,
            i,
            int(columns.image_ids[i]),
            int(columns.category_ids[i]),
            columns.boxes[i].tolist(),
            None if given[i] is None else float(given[i]),
        )
        for i in range(count)
        if given[i] is None or given[i] >= threshold
    ]


def comparable(a, b):
    return a[2:4] == b[2:4]


def green_score(row, candidates):
    best = (0.0, 0.0)
    for other in candidates:
        overlap = iou(row[4], other[4])
        if comparable(row, other) and overlap > 0:
            best = max(best, (overlap, other[5]))
    return best[1]


def sort_boxes(crowd, mp, ma, settings):
    """{(source, index): (region, evaluation score, box in box, group as a frozenset)}."""
    rows = [
        *rows_of("crowd", crowd, settings.score),
        *rows_of("mp", mp, settings.score),
        *rows_of("ma", ma, settings.score),
    ]
    lenders = rows_of("mp", mp, 0.0 if settings.green_score_from_all else settings.score)
    neighbours = {
        row[:2]: [
            other[:2]
            for other in rows
            if other[0] != row[0]
            and comparable(row, other)
            and iou(row[4], other[4]) > settings.iou
        ]
        for row in rows
    }
    found = {}
    for row in rows:
        region = (
            "gray" if neighbours[row[:2]] else {"crowd": "green", "mp": "pink", "ma": "red"}[row[0]]
        )
        score = {"red": row[5], "green": green_score(row, lenders)}.get(region)
        inside = region == "green" and any(
            other[0] != "crowd"
            and comparable(row, other)
            and iof(row[4], other[4]) > settings.gamma
            for other in rows
        )
        found[row[:2]] = (region, score, inside, reachable(row[:2], neighbours))
    return found


def reachable(start, neighbours):
    seen, waiting = {start}, [start]
    while waiting:
        for other in neighbours[waiting.pop()]:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return frozenset(seen)


def step_two(found):
    """(automatic, review, removed, replaced) as sets of (source, index)."""
    automatic, review, removed, replaced = set(), set(), set(), set()
    for key, (region, _, inside, group) in found.items():
        without_mp = all(source != "mp" for source, _ in group)
        if key[0] == "mp" or (key[0] == "ma" and region == "gray" and without_mp):
            automatic.add(key)
        elif region == "red" or (region == "green" and not inside):
            review.add(key)
        elif region == "green":
            removed.add(key)
        elif key[0] == "crowd":
            replaced.add(key)
    return automatic, review, removed, replaced


def consensus_ids(pathologist, crowd, delta):
    return [
        int(label)
        for i, label in enumerate(pathologist.ids)
        if any(
            crowd.image_ids[j] == pathologist.image_ids[i]
            and crowd.category_ids[j] == pathologist.category_ids[i]
            and iof(crowd.boxes[j].tolist(), pathologist.boxes[i].tolist()) > delta
            for j in range(len(crowd))
        )
    ]
