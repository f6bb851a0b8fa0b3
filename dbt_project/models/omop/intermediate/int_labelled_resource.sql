-- What sources label so that it hides, as it was when this build began to read labels; int_published_label says when
-- that is published.
-- depends_on: {{ ref('int_label_snapshot') }}
{{ labelled_resources() }}
