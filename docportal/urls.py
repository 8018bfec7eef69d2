from allauth.account import views as account
from django.conf import settings
from django.urls import include, path
from django.views.generic import TemplateView

from docportal.api.urls import api
from docportal.views import (
    appearance,
    ask,
    audit_log,
    benchmark,
    collections,
    documents,
    errors,
    exports,
    health,
    insights,
    library,
    metrics,
    operations,
    pairs,
    run_live,
    sources,
    tokens,
    training,
    training_runs,
    trials,
    webhooks,
)

# Accounts are made by an administrator or by the company's identity provider, so of allauth's
# pages only these are there, and one's tokens.
accounts = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("password/change/", account.password_change, name="account_change_password"),
    # To this name allauth sends who has no password to change.
    path(
        "password/none/",
        TemplateView.as_view(template_name="account/password_none.html"),
        name="account_set_password",
    ),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", tokens.revoke, name="revoke_token"),
]
if settings.OIDC_SERVER_URL:
    accounts += [
        path("", include("allauth.socialaccount.providers.openid_connect.urls")),
        path("company/", include("allauth.socialaccount.urls")),
    ]

document = [
    path("", documents.document, name="document"),
    path("edit/", documents.edit, name="edit_document"),
    path("archive/", documents.archive, name="archive_document"),
    path("bring-back/", documents.bring_back, name="bring_back_document"),
    path("upload/", documents.upload_version, name="upload_version"),
    path("difference/", documents.difference, name="difference"),
    path("pairs/", documents.write_pair, name="write_pair"),
    path("versions/<int:number>/", documents.version, name="version"),
    path("versions/<int:number>/original/", documents.original, name="original"),
    path("versions/<int:number>/restore/", documents.restore, name="restore_version"),
    path("versions/<int:number>/retry/", documents.retry, name="retry_version"),
]

source = [
    path("", sources.source, name="source"),
    path("sync/", sources.sync, name="sync_source"),
    path("answer/", sources.answer, name="answer_source"),
    path("remove/", sources.remove, name="remove_source"),
]

run = [
    path("", training_runs.run, name="run"),
    path("points/", run_live.points, name="run_points"),
    path("comparison/", training_runs.run_comparison, name="run_comparison"),
    path("cancel/", training_runs.cancel_run, name="cancel_run"),
    path("resume/", training_runs.resume_run, name="resume_run"),
]

webhook = [
    path("", webhooks.webhook, name="webhook"),
    path("secret/", webhooks.rotate, name="rotate_webhook"),
    path("switch/", webhooks.switch, name="switch_webhook"),
    path("remove/", webhooks.remove, name="remove_webhook"),
    path("test/", webhooks.test, name="test_webhook"),
    path("deliveries/<int:delivery>/again/", webhooks.redeliver, name="redeliver"),
]

urlpatterns = [
    path("", ask.ask, name="ask"),
    path("ask/", ask.ask_question, name="ask_question"),
    path("questions/", ask.history, name="history"),
    path("questions/<uuid:query_id>/", ask.question, name="question"),
    path("questions/<uuid:query_id>/stream/", ask.stream, name="question_stream"),
    path("questions/<uuid:query_id>/feedback/", ask.feedback, name="feedback"),
    path("docs/", library.library, name="library"),
    path("docs/upload/", library.upload, name="upload"),
    path("docs/events/", library.events, name="library_events"),
    path("docs/collections/", collections.collections, name="collections"),
    path("docs/collections/<slug:slug>/", collections.edit, name="edit_collection"),
    path(
        "docs/collections/<slug:slug>/export/", exports.export_collection, name="export_collection"
    ),
    path("docs/collections/<slug:slug>/source/", include(source)),
    path("docs/<slug:slug>/", include(document)),
    path("insights/", insights.insights, name="insights"),
    path("insights/points/", insights.points, name="insights_points"),
    path("pairs/", pairs.pairs, name="pairs"),
    path("pairs/review/", pairs.review_pairs, name="review_pairs"),
    path("pairs/<int:pk>/", pairs.pair, name="pair"),
    path("pairs/<int:pk>/review/", pairs.review_pair, name="review_pair"),
    path("training/", training.training, name="training"),
    path("training/events/", run_live.events, name="run_events"),
    path("training/new/", training_runs.new_run, name="new_run"),
    path("training/errors/", errors.errors, name="errors"),
    path("training/policy/", training.retrain_policy, name="retrain_policy"),
    path("training/runs/<int:number>/", include(run)),
    path("training/models/<slug:name>/promote/", training.promote, name="promote_model"),
    path("training/models/<slug:name>/roll-back/", training.roll_back, name="roll_back_model"),
    path("training/models/<slug:name>/trial/", trials.begin, name="begin_trial"),
    path("training/models/<slug:name>/trial/end/", trials.end, name="end_trial"),
    path("benchmark/", benchmark.benchmark, name="benchmark"),
    path("operations/", operations.operations, name="operations"),
    path("operations/check/", operations.check, name="check_integrity"),
    path("operations/log/", audit_log.audit_log, name="audit_log"),
    path("operations/let-in/", operations.let_in, name="let_in"),
    path("webhooks/", webhooks.webhooks, name="webhooks"),
    path("webhooks/<int:pk>/", include(webhook)),
    path("theme/", appearance.theme, name="theme"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("accounts/", include(accounts)),
    *api,
]

handler400 = "docportal.error_pages.bad_request"
handler403 = "docportal.error_pages.permission_denied"
handler404 = "docportal.error_pages.page_not_found"
handler500 = "docportal.error_pages.server_error"
